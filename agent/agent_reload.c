/* SPDX-License-Identifier: MIT */
/*
 * SIGHUP: build new settings beside the old ones, check them as a whole, then swap. Modules whose
 * settings did not change are not touched: their connections and counters stay. The configuration is
 * a file below the root directory; reading it here is the one exception to "nothing opened after
 * start", asked for by a person.
 */
#include "agent/agent.h"

#include <stdlib.h>
#include <string.h>

#include "agent/log.h"

/* Frees the settings that no instance uses any more. */
static void prune(struct agent *agent)
{
	struct settings_chain **link = &agent->older;
	while (*link) {
		struct settings_chain *old = *link;
		if (plant_uses(&agent->plant, old->settings)) {
			link = &old->older;
			continue;
		}
		*link = old->older;
		settings_free(old->settings);
		free(old);
	}
}

static void warn_fixed(const struct agent_conf *before, const struct agent_conf *now)
{
	if (strcmp(before->id, now->id) != 0)
		log_warning("[agent] id: takes effect at the next start");
	if (strcmp(before->run_dir, now->run_dir) != 0)
		log_warning("[agent] run_dir: takes effect at the next start");
}

void agent_reload(struct agent *agent)
{
	sdnotify_send(&agent->notify, "RELOADING=1\nMONOTONIC_USEC=%lld",
		      (long long)(env_now_ns(&agent->env) / NS_PER_US));
	struct settings *settings;
	struct settings_chain *link = malloc(sizeof(*link));
	int r = settings_load(agent->options.conf_path, !agent->options.conf_given,
			      agent_conf_error, NULL, &settings);
	if (r != 0 || !link) {
		if (r == 0)
			settings_free(settings);
		free(link);
		log_error("the new configuration was not taken over; the old one stays");
		sdnotify_send(&agent->notify, "READY=1");
		return;
	}

	*link = (struct settings_chain){agent->settings, agent->older};
	agent->older = link;
	agent->settings = settings;
	warn_fixed(&link->settings->agent, &settings->agent);
	judge_keep_balancers(&agent->judge, agent->judge.decision.balancers,
			     env_now_ns(&agent->env));
	int changed = plant_reload(&agent->plant, settings);
	inherit_settle(&agent->inherit);
	state_set_max_age(agent->plant.state, agent->derived, 3 * settings->agent.interval_ns);
	agent_phase(agent);
	prune(agent);
	agent_about(agent);
	log_notice("configuration taken over, %d module%s opened anew", changed,
		   changed == 1 ? "" : "s");
	sdnotify_send(&agent->notify, "READY=1");
}
