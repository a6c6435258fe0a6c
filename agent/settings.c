/* SPDX-License-Identifier: MIT */
/*
 * The core knows two arrays, collectors[] and notifiers[], and puts their rows beside its own two
 * sections. Settings structures are zeroed before they are filled, so that two sets can be compared
 * byte by byte: that is how a reload finds out which modules must be opened anew.
 */
#include "agent/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/addr.h"
#include "agent/collector.h"
#include "agent/identity.h"
#include "agent/notifier.h"

static size_t count_modules(void)
{
	size_t count = 0;
	for (size_t i = 0; collectors[i]; i++)
		count++;
	for (size_t i = 0; notifiers[i]; i++)
		count++;
	return count;
}

static struct settings *settings_new(void)
{
	struct settings *settings = calloc(1, sizeof(*settings));
	if (!settings)
		return NULL;
	settings->modules = calloc(count_modules() + 1, sizeof(settings->modules[0]));
	settings->confs = calloc(count_modules() + 1, sizeof(settings->confs[0]));
	if (!settings->modules || !settings->confs)
		goto fail;
	for (size_t i = 0; collectors[i]; i++)
		settings->modules[settings->module_count++] = &collectors[i]->module;
	for (size_t i = 0; notifiers[i]; i++)
		settings->modules[settings->module_count++] = &notifiers[i]->module;
	for (size_t i = 0; i < settings->module_count; i++) {
		if (!settings->modules[i]->conf_size)
			continue;
		settings->confs[i] = calloc(1, settings->modules[i]->conf_size);
		if (!settings->confs[i])
			goto fail;
	}
	return settings;
fail:
	settings_free(settings);
	return NULL;
}

void settings_free(struct settings *settings)
{
	if (!settings)
		return;
	for (size_t i = 0; settings->confs && i < settings->module_count; i++)
		free(settings->confs[i]);
	free(settings->confs);
	free(settings->modules);
	free(settings);
}

static size_t count_sections(const struct settings *settings)
{
	size_t count = 2 + settings->module_count;

	for (size_t i = 0; i < settings->module_count; i++) {
		const struct conf_section *more = settings->modules[i]->more;
		for (; more && more->name; more++)
			count++;
	}
	return count;
}

static void fill_sections(struct settings *settings, struct conf_section *sections)
{
	void *const targets[] = {&settings->agent, &settings->control};

	for (size_t i = 0; settings_core_sections[i].name; i++) {
		*sections = settings_core_sections[i];
		sections++->target = targets[i];
	}
	for (size_t i = 0; i < settings->module_count; i++) {
		const struct module *module = settings->modules[i];
		*sections++ = (struct conf_section){module->name, module->conf, settings->confs[i]};
		for (const struct conf_section *more = module->more; more && more->name; more++)
			*sections++ =
				(struct conf_section){more->name, more->items, settings->confs[i]};
	}
	*sections = (struct conf_section){0};
}

static const struct addr *find_conflict(const struct addr_list *list, const struct addr_list *other)
{
	for (size_t i = 0; i < list->count; i++)
		for (size_t j = 0; j < other->count; j++)
			if (addr_is_conflict(&list->addrs[i], &other->addrs[j]))
				return &list->addrs[i];
	return NULL;
}

static const struct addr_list *listeners_of(const struct conf_section *section, const char *key)
{
	for (const struct conf_item *item = section->items; item && item->key; item++)
		if (item->type == CONF_LISTEN && strcmp(item->key, key) == 0)
			return (const void *)((const char *)section->target + item->offset);
	return NULL;
}

static void freep(char **text)
{
	free(*text);
}

/* Tells what is wrong with the key that a sentence begins with, and where it is set. */
static void tell_key(const char *path, const char *section, const char *sentence, conf_error_fn *fn,
		     void *context)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	__attribute__((cleanup(freep))) char *key = strndup(sentence, strspn(sentence, letters));
	__attribute__((cleanup(freep))) char *message = NULL;
	char place[CONF_PLACE_SIZE];

	conf_place(path, section, key ? key : "", place, sizeof(place));
	if (asprintf(&message, "%s: [%s] %s", place, section, sentence) < 0)
		message = NULL;
	fn(context, message ? message : "not enough memory to tell an error");
}

/* Who opens an address second would not start, which is too late to find out. */
static int check_listeners(const struct conf_section *sections, const char *path, conf_error_fn *fn,
			   void *context)
{
	static const char key[] = "listen";
	int errors = 0;

	for (const struct conf_section *s = sections; s->name; s++)
		for (const struct conf_section *before = sections; before < s; before++) {
			const struct addr_list *list = listeners_of(s, key);
			const struct addr_list *other = listeners_of(before, key);
			const struct addr *addr = list && other ? find_conflict(list, other) : NULL;
			char text[ADDR_TEXT_SIZE], sentence[512];

			if (!addr)
				continue;
			snprintf(sentence, sizeof(sentence),
				 "%s: %s is taken by [%s] %s: choose another port", key,
				 addr_format(&addr->any.sa, text, sizeof(text)), before->name, key);
			tell_key(path, s->name, sentence, fn, context);
			errors++;
		}
	return errors;
}

static int check_modules(const struct settings *settings, const char *path, conf_error_fn *fn,
			 void *context)
{
	int errors = 0;
	for (size_t i = 0; i < settings->module_count; i++) {
		const struct module *module = settings->modules[i];
		char error[256], section[64];
		int length = 0;
		if (!module->check || module->check(settings->confs[i], error, sizeof(error)) >= 0)
			continue;
		/* Of a further section, which it names. */
		if (sscanf(error, "[%63[^]]] %n", section, &length) == 1 && length > 0)
			tell_key(path, section, error + length, fn, context);
		else
			tell_key(path, module->name, error, fn, context);
		errors++;
	}
	return errors;
}

struct inspection {
	const char *path, *section;
	conf_error_fn *fn;
	void *context;
	int errors;
};

static void tell(void *context, const char *key, const char *sentence)
{
	struct inspection *inspection = context;
	char text[MODULE_SENTENCE_SIZE + 128], name[64], section[64];
	bool further = sscanf(key, "%63s of [%63[^]]]", name, section) == 2;

	snprintf(text, sizeof(text), "%s: %s", further ? name : key, sentence);
	tell_key(inspection->path, further ? section : inspection->section, text, inspection->fn,
		 inspection->context);
	inspection->errors++;
}

static int inspect(const struct settings *settings, const char *path, conf_error_fn *fn,
		   void *context)
{
	struct inspection inspection = {.path = path, .fn = fn, .context = context};

	for (size_t i = 0; i < settings->module_count; i++) {
		const struct module *module = settings->modules[i];
		inspection.section = module->name;
		if (module->inspect)
			module->inspect(settings->confs[i], tell, &inspection);
	}
	return inspection.errors;
}

static bool is_default(const struct module *module, const void *conf)
{
	void *defaults = calloc(1, module->conf_size + 1);
	const struct conf_section sections[] = {{module->name, module->conf, defaults}, {0}};
	bool same = false;

	if (defaults && module->conf) {
		conf_defaults(sections);
		same = memcmp(conf, defaults, module->conf_size) == 0;
	}
	free(defaults);
	return same;
}

static void ignore(void *context, const char *key, const char *sentence)
{
	(void)context;
	(void)key;
	(void)sentence;
}

struct notes {
	const char *section;
	conf_error_fn *fn;
	void *context;
};

static void tell_note(void *context, const char *key, const char *sentence)
{
	struct notes *notes = context;
	char text[MODULE_SENTENCE_SIZE];

	snprintf(text, sizeof(text), "[%s] %s: %s", notes->section, key, sentence);
	notes->fn(notes->context, text);
}

void settings_notes(const struct settings *settings, conf_error_fn *fn, void *context)
{
	for (size_t i = 0; i < settings->module_count; i++) {
		const struct module *module = settings->modules[i];
		const char *off = NULL;
		char text[MODULE_SENTENCE_SIZE];
		struct notes notes = {module->name, fn, context};

		settings_elsewhere(module, settings->confs[i], tell_note, &notes);
		settings_hidden(module, settings->confs[i], tell_note, &notes);
		/* Those with further sections fill them from their own defaults. */
		if (module->inspect && !module->more && !is_default(module, settings->confs[i]))
			off = module->inspect(settings->confs[i], ignore, NULL);
		if (!off)
			continue;
		snprintf(text, sizeof(text), "[%s] %s", module->name, off);
		fn(context, text);
	}
}

static void finish(struct settings *settings)
{
	const struct control_conf *control = &settings->control;
	settings->pressure = (struct pressure_conf){
		.reserve = control->reserve,
		.horizon_ns = control->horizon,
		.worker_bytes = control->worker_size,
	};
	settings->controller = (struct controller_conf){
		.cap = control->cap,
		.blind_weight = control->blind_weight,
		.fleet = control->fleet,
	};

	uint64_t hash = identity_hash(0, &settings->agent, sizeof(settings->agent));
	hash = identity_hash(hash, control, sizeof(*control));
	for (size_t i = 0; i < settings->module_count; i++)
		if (settings->confs[i])
			hash = identity_hash(hash, settings->confs[i],
					     settings->modules[i]->conf_size);
	snprintf(settings->digest, sizeof(settings->digest), "%016llx", (unsigned long long)hash);
}

/* Whatever is wrong, with 0 or more errors there are settings; what was not understood has its default. */
static int read_all(const char *path, bool missing_ok, conf_error_fn *fn, void *context,
		    struct settings **ret_settings)
{
	struct settings *settings = settings_new();
	if (!settings)
		return -ENOMEM;
	struct conf_section *sections = calloc(count_sections(settings) + 1, sizeof(*sections));
	if (!sections) {
		settings_free(settings);
		return -ENOMEM;
	}

	fill_sections(settings, sections);
	conf_defaults(sections);
	int errors = conf_read_all(path, sections, missing_ok, fn, context);
	/* Where a value was refused its default stands: that would be compared. */
	if (errors == 0)
		errors = check_listeners(sections, path, fn, context);
	free(sections);
	errors += check_modules(settings, path, fn, context);
	*ret_settings = settings;
	return errors;
}

int settings_load(const char *path, bool missing_ok, conf_error_fn *fn, void *context,
		  struct settings **ret_settings)
{
	struct settings *settings;
	int errors = read_all(path, missing_ok, fn, context, &settings);

	if (errors < 0)
		return errors;
	if (errors > 0) {
		settings_free(settings);
		return errors;
	}
	finish(settings);
	*ret_settings = settings;
	return 0;
}

int settings_test(const char *path, bool missing_ok, bool files_too, conf_error_fn *fn,
		  void *context)
{
	struct settings *settings;
	int errors = read_all(path, missing_ok, fn, context, &settings);

	if (errors < 0)
		return errors;
	if (files_too)
		errors += inspect(settings, path, fn, context);
	settings_free(settings);
	return errors;
}
