/* SPDX-License-Identifier: MIT */
/* Putting the parts together and taking them apart again. */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/procfs.h"

static int open_root(struct agent *agent)
{
	const char *root = agent->options.root ? agent->options.root : "/";
	agent->env.root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (agent->env.root_fd >= 0 && !agent->options.root)
		procfs_keep(agent->env.root_fd);
	if (agent->env.root_fd >= 0)
		return 0;
	log_error("--root %s: %s", root, strerror(errno));
	return 2;
}

/* What samples may carry, for those who announce it: the tables of all modules in one list. */
static int list_metrics(struct agent *agent)
{
	unsigned count = state_count(agent->plant.state);
	agent->metrics = calloc(count, sizeof(*agent->metrics));
	if (!agent->metrics)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++)
		agent->metrics[i] =
			state_metric(agent->plant.state, state_ordered(agent->plant.state, i));
	return 0;
}

int agent_init(struct agent *agent, const struct options *options)
{
	*agent = (struct agent){.options = *options, .env = {.root_fd = -1}, .notify = {.fd = -1}};

	if (settings_load(options->conf_path, !options->conf_given, agent_conf_error, NULL,
			  &agent->settings) != 0)
		return 2;
	if (open_root(agent) != 0)
		return 2;
	identity_read(agent->env.root_fd, agent->settings->agent.id, &agent->identity);

	const struct loop_hooks hooks = {agent_on_wake, agent_on_signal, agent};
	agent->loop = loop_new(&hooks);
	if (!agent->loop) {
		log_error("cannot make an event loop: %s", strerror(errno));
		return 1;
	}
	agent->env.real_root = options->root == NULL;
	agent->env.dry_run = options->dry_run;
	agent->env.id = agent->identity.id;
	agent->env.conf_path = options->conf_given ? options->conf_path : NULL;
	snprintf(agent->run_dir, sizeof(agent->run_dir), "%s", agent->settings->agent.run_dir);
	agent->env.run_dir = agent->run_dir;
	agent->env.now_ns = loop_now_ns;
	agent->env.wall_ms = loop_wall_ms;
	agent->env.wall_synced = loop_wall_synced;
	agent->env.entropy = loop_entropy;
	agent->env.loop = agent->loop;
	agent_clock_open(agent);

	int r = plant_init(&agent->plant, &agent->env, DERIVED_COUNT);
	if (r == 0)
		r = state_add(agent->plant.state, derived_metrics, DERIVED_COUNT,
			      3 * agent->settings->agent.interval_ns, &agent->derived);
	if (r == 0)
		r = list_metrics(agent);
	if (r == 0)
		r = agent_overview(agent);
	if (r < 0) {
		log_error("cannot make the modules: %s", strerror(-r));
		return 1;
	}
	return 0;
}

void agent_free(struct agent *agent)
{
	control_free(agent->control);
	plant_free(&agent->plant);
	agent_overview_free(agent);
	free(agent->metrics);
	timer_end(agent->tick);
	timer_end(agent->watchdog);
	timer_end(agent->stop);
	loop_free(agent->loop);
	inherit_close(&agent->inherit);
	sdnotify_close(&agent->notify);
	settings_free(agent->settings);
	procfs_forget();
	if (agent->env.root_fd >= 0)
		close(agent->env.root_fd);
}
