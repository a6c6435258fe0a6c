/* SPDX-License-Identifier: MIT */
/*
 * A batch is too large for a comfortable stack and is only alive between a read and its take-over,
 * so there is one for the whole process.
 */
#include "agent/plant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Values older than three of their reads, and at least 3 s, are stale; or what the module says. */
static int64_t max_age_ns(const struct module *module)
{
	if (module->max_age_ns)
		return module->max_age_ns;
	return 3 * (module->period_ns > NS_PER_S ? module->period_ns : NS_PER_S);
}

static size_t count_metrics(void)
{
	size_t count = 0;
	for (size_t i = 0; collectors[i]; i++)
		count += collectors[i]->module.metric_count;
	for (size_t i = 0; notifiers[i]; i++)
		count += notifiers[i]->module.metric_count;
	return count;
}

static int add_instance(struct plant *plant, const struct module *module,
			const struct notifier *notifier)
{
	struct instance *instance = &plant->instances[plant->count];
	instance->module = module;
	instance->notifier = notifier;
	instance->self = calloc(1, module->self_size ? module->self_size : 1);
	if (!instance->self)
		return -ENOMEM;
	plant->count++;
	return state_add(plant->state, module->metrics, module->metric_count, max_age_ns(module),
			 &instance->source);
}

int plant_init(struct plant *plant, const struct env *env, unsigned extra)
{
	size_t modules = 0, sinks = 0;
	while (collectors[modules])
		modules++;
	while (notifiers[sinks])
		sinks++;

	*plant = (struct plant){.env = env};
	plant->state = state_new((unsigned)count_metrics() + extra);
	plant->instances = calloc(modules + sinks + 1, sizeof(plant->instances[0]));
	plant->dispatch.sinks = calloc(sinks + 1, sizeof(plant->dispatch.sinks[0]));
	if (!plant->state || !plant->instances || !plant->dispatch.sinks)
		return -ENOMEM;

	int r = 0;
	for (size_t i = 0; collectors[i] && r == 0; i++)
		r = add_instance(plant, &collectors[i]->module, NULL);
	for (size_t i = 0; notifiers[i] && r == 0; i++) {
		r = add_instance(plant, &notifiers[i]->module, notifiers[i]);
		if (r < 0)
			break;
		/* Not as a whole: that would touch the room for events, 20 KiB that most never need. */
		struct dispatch_sink *sink = &plant->dispatch.sinks[plant->dispatch.sink_count++];
		sink->notifier = notifiers[i];
		sink->self = plant->instances[plant->count - 1].self;
	}
	return r;
}

static struct dispatch_sink *find_sink(struct plant *plant, const struct instance *instance)
{
	for (size_t i = 0; i < plant->dispatch.sink_count; i++)
		if (plant->dispatch.sinks[i].self == instance->self)
			return &plant->dispatch.sinks[i];
	return NULL;
}

static void set_open(struct plant *plant, struct instance *instance, bool open)
{
	struct dispatch_sink *sink = find_sink(plant, instance);
	instance->open = open;
	if (!sink)
		return;
	sink->open = open;
	sink->about_waits = open;
	sink->decision_waits = false;
}

static void close_instance(struct plant *plant, struct instance *instance)
{
	if (!instance->open)
		return;
	set_open(plant, instance, false);
	if (instance->module->close)
		instance->module->close(instance->self);
	state_forget(plant->state, instance->source, "closed");
}

static int open_instance(struct plant *plant, struct instance *instance, const void *conf)
{
	/* Only what was used before: the memory of a fresh instance is zero and not yet resident. */
	if (instance->used)
		memset(instance->self, 0, instance->module->self_size);
	instance->used = true;
	instance->conf = conf;
	instance->due_ns = 0;
	state_forget(plant->state, instance->source, "not read yet");
	int r = instance->module->open ? instance->module->open(instance->self, conf, plant->env)
				       : 0;
	if (r < 0) {
		if (instance->module->close)
			instance->module->close(instance->self);
		state_forget(plant->state, instance->source, "could not be opened, see the log");
		return r;
	}
	set_open(plant, instance, true);
	return 0;
}

int plant_open(struct plant *plant, const struct settings *settings, bool notifiers_too)
{
	for (size_t i = 0; i < plant->count; i++) {
		struct instance *instance = &plant->instances[i];
		if (instance->notifier && !notifiers_too) {
			state_forget(plant->state, instance->source, "not opened in this mode");
			continue;
		}
		int r = open_instance(plant, instance, settings->confs[i]);
		if (r < 0 && instance->notifier)
			return r;
		if (r < 0)
			log_error("%s: cannot be opened: %s", instance->module->name, strerror(-r));
	}
	return 0;
}

void plant_free(struct plant *plant)
{
	/* Notifiers were opened last and are closed first. */
	for (size_t i = plant->count; i-- > 0;) {
		close_instance(plant, &plant->instances[i]);
		free(plant->instances[i].self);
	}
	free(plant->instances);
	free(plant->dispatch.sinks);
	state_free(plant->state);
	*plant = (struct plant){0};
}

/* What an instance goes on with belongs to the newest settings, so that older ones can be freed at once. */
static void hand_over(const struct plant *plant, struct settings *old, struct settings *settings)
{
	for (size_t i = 0; i < plant->count; i++) {
		void *kept = old->confs[i];
		if (plant->instances[i].conf != kept)
			continue;
		old->confs[i] = settings->confs[i];
		settings->confs[i] = kept;
	}
}

/* All before any is opened: one may get the port that another one had. Returns how many. */
static int close_changed(struct plant *plant, const struct settings *settings)
{
	int changed = 0;
	for (size_t i = 0; i < plant->count; i++) {
		struct instance *instance = &plant->instances[i];
		size_t size = instance->module->conf_size;
		instance->changed = size && memcmp(instance->conf, settings->confs[i], size) != 0;
		if (!instance->changed)
			continue;
		close_instance(plant, instance);
		changed++;
	}
	return changed;
}

int plant_reload(struct plant *plant, struct settings *old, struct settings *settings)
{
	int changed = close_changed(plant, settings);
	for (size_t i = 0; i < plant->count; i++) {
		struct instance *instance = &plant->instances[i];
		if (!instance->changed)
			continue;

		const void *before = instance->conf;
		int r = open_instance(plant, instance, settings->confs[i]);
		if (r < 0) {
			log_error(
				"%s: cannot be opened with the new settings: %s; the old ones stay",
				instance->module->name, strerror(-r));
			open_instance(plant, instance, before);
		}
		struct dispatch_sink *sink = find_sink(plant, instance);
		if (sink)
			sink->decision_waits = sink->open;
	}
	hand_over(plant, old, settings);
	/* A sink that was opened anew knows nothing yet: balancers must not wait for the next tick. */
	dispatch_retry(&plant->dispatch);
	return changed;
}

static void read_instance(struct plant *plant, struct instance *instance, int64_t now_ns,
			  plant_event_fn *fn, void *context)
{
	static struct batch batch;

	batch_reset(&batch);
	int r = instance->module->read(instance->self, now_ns, &batch);
	if (r < 0) {
		complaint_raise(&instance->complaint, "%s: reading failed: %s",
				instance->module->name, strerror(-r));
		return;
	}
	if (batch.overflow)
		complaint_raise(&instance->complaint, "%s: handed in more than fits (a bug)",
				instance->module->name);
	else
		complaint_clear(&instance->complaint, instance->module->name);
	state_update(plant->state, instance->source, &batch, now_ns);
	for (size_t i = 0; i < batch.event_count; i++)
		fn(context, &batch.events[i]);
}

void plant_read(struct plant *plant, int64_t now_ns, plant_event_fn *fn, void *context)
{
	for (size_t i = 0; i < plant->count; i++) {
		struct instance *instance = &plant->instances[i];
		if (!instance->open || !instance->module->read || now_ns < instance->due_ns)
			continue;
		/* Ticks have jitter: a tick that is a little early must not skip a whole turn. */
		instance->due_ns = now_ns + instance->module->period_ns * 9 / 10;
		read_instance(plant, instance, now_ns, fn, context);
	}
}

size_t plant_balancers(const struct plant *plant, struct balancer *ret_balancers, size_t room)
{
	size_t count = 0;
	for (size_t i = 0; i < plant->count; i++) {
		const struct instance *instance = &plant->instances[i];
		if (instance->open && instance->notifier && instance->notifier->balancers)
			count += instance->notifier->balancers(instance->self,
							       ret_balancers + count, room - count);
	}
	return count;
}

bool plant_stop(struct plant *plant)
{
	bool done = true;
	for (size_t i = 0; i < plant->count; i++) {
		struct instance *instance = &plant->instances[i];
		if (instance->open && instance->notifier && instance->notifier->stop &&
		    !instance->notifier->stop(instance->self))
			done = false;
	}
	return done;
}
