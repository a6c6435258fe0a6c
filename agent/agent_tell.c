/* SPDX-License-Identifier: MIT */
/*
 * What the agent tells on its own account: the slow facts, events, and what is wrong with its configuration.
 */
#include "agent/agent_self.h"

#include <stdio.h>
#include <string.h>

#include "agent/log.h"
#include "agent/version.h"

static void list_libraries(struct agent *agent)
{
	size_t used =
		(size_t)snprintf(agent->libraries, sizeof(agent->libraries), "%s", loop_library());
	for (size_t i = 0; i < agent->plant.count; i++) {
		const struct module *module = agent->plant.instances[i].module;
		if (module->library && used < sizeof(agent->libraries))
			used += (size_t)snprintf(agent->libraries + used,
						 sizeof(agent->libraries) - used, ", %s",
						 module->library());
	}
}

/* What the first module says that knows the board's firmware. */
static void find_firmware(struct agent *agent)
{
	agent->firmware[0] = '\0';
	for (size_t i = 0; i < agent->plant.count && !agent->firmware[0]; i++) {
		const struct instance *instance = &agent->plant.instances[i];
		const char *version = instance->open && instance->module->firmware
					      ? instance->module->firmware(instance->self)
					      : NULL;
		if (version)
			text_copy(agent->firmware, sizeof(agent->firmware), version);
	}
}

void agent_about(struct agent *agent)
{
	list_libraries(agent);
	find_firmware(agent);
	memcpy(agent->digest, agent->settings->digest, sizeof(agent->digest));
	const struct about about = {
		.id = agent->identity.id,
		.model = agent->identity.model[0] ? agent->identity.model : NULL,
		.serial_hash = agent->identity.serial_hash[0] ? agent->identity.serial_hash : NULL,
		.firmware = agent->firmware[0] ? agent->firmware : NULL,
		.kernel = agent->identity.kernel[0] ? agent->identity.kernel : NULL,
		.version = hostingpi_version,
		.libraries = agent->libraries,
		.config_digest = agent->digest,
		.dry_run = agent->env.dry_run,
		.loads = agent->loads,
		.started_ms = agent->env.started_ms,
		.interval_ms = agent->settings->agent.interval_ns / NS_PER_MS,
		.metrics = agent->metrics,
		.metric_count = state_count(agent->plant.state),
		.overview = &agent->overview,
	};
	struct report report = {.kind = REPORT_ABOUT, .about = &about};
	dispatch_report(&agent->plant.dispatch, &report);
}

void agent_event(struct agent *agent, const struct event *event)
{
	static const enum log_level levels[] = {
		[SEVERITY_INFO] = LOG_LEVEL_NOTICE,
		[SEVERITY_WARNING] = LOG_LEVEL_WARNING,
		[SEVERITY_CRITICAL] = LOG_LEVEL_ERROR,
	};
	struct event stamped = *event;
	stamped.id = ++agent->event_id;
	stamped.ts_ms = env_wall_ms(&agent->env);
	/* First out, then into the log: the log may be on the card that fails. */
	struct report report = {.kind = REPORT_EVENT, .event = &stamped};
	dispatch_report(&agent->plant.dispatch, &report);
	diary_put(agent->diary, &stamped);
	log_message(levels[stamped.severity], "%s: %s", stamped.kind, stamped.text);
}

void agent_conf_error(void *context, const char *message)
{
	(void)context;
	log_error("%s", message);
}
