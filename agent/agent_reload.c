/* SPDX-License-Identifier: MIT */
/*
 * SIGHUP: build new settings beside the old ones, check them as a whole, then swap. Modules whose
 * settings did not change are not touched: their connections and counters stay. The configuration is
 * a file below the root directory; reading it here is the one exception to "nothing opened after
 * start", asked for by a person.
 */
#include "agent/agent_self.h"

#include <string.h>

#include "agent/log.h"

static void warn_fixed(const struct agent_conf *before, const struct agent_conf *now)
{
	if (strcmp(before->id, now->id) != 0)
		log_warning("[agent] id: takes effect at the next start");
	if (strcmp(before->run_dir, now->run_dir) != 0)
		log_warning("[agent] run_dir: takes effect at the next start");
}

/* Without its file the operator has nothing but signals: this one brings it back. */
static void renew_control(struct agent *agent)
{
	if (agent->control && control_is_there(agent->control))
		return;
	control_free(agent->control);
	agent->control = control_new(&agent->env, &agent_control_ops, agent);
	if (agent->control)
		log_notice("control socket: made anew");
}

void agent_reload(struct agent *agent)
{
	sdnotify_send(&agent->notify, "RELOADING=1\nMONOTONIC_USEC=%lld",
		      (long long)(env_now_ns(&agent->env) / NS_PER_US));
	renew_control(agent);

	struct settings *old = agent->settings, *settings;
	int r = settings_load(agent->options.conf_path, !agent->options.conf_given,
			      agent_conf_error, NULL, &settings);
	if (r != 0) {
		log_error("the new configuration was not taken over; the old one stays");
		sdnotify_send(&agent->notify, "READY=1");
		return;
	}

	agent->settings = settings;
	agent->loads++;
	warn_fixed(&old->agent, &settings->agent);
	judge_keep_balancers(&agent->judge, agent->judge.decision.balancers,
			     env_now_ns(&agent->env));
	int changed = plant_reload(&agent->plant, old, settings);
	inherit_settle(&agent->inherit);
	state_set_max_age(agent->plant.state, agent->derived, 3 * settings->agent.interval_ns);
	agent_phase(agent);
	settings_free(old);
	agent_about(agent);
	log_notice("configuration taken over, %d module%s opened anew", changed,
		   changed == 1 ? "" : "s");
	sdnotify_send(&agent->notify, "READY=1");
}
