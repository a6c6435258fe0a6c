/* SPDX-License-Identifier: MIT */
/*
 * Who tests a configuration, as root as a rule, does not see the files that the service sees: it has credentials of its
 * own, and its unit hides folders from it. What follows from that is told, because a look at the file itself does not.
 */
#include "agent/settings.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/credential.h"

/*
 * What ProtectHome= and PrivateTmp= of our unit take out of the agent's sight, whatever the rights of a file. The folders
 * themselves may be paths of a web page.
 */
static bool is_hidden(const char *path)
{
	static const char *const folders[] = {"/home/", "/root/", "/run/user/", "/tmp/",
					      "/var/tmp/"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (strncmp(path, folders[i], strlen(folders[i])) == 0)
			return path[strlen(folders[i])] && access(path, F_OK) == 0;
	return false;
}

/* Of a text that may be a list, such as that of access logs. */
static bool is_any_hidden(const char *text)
{
	static const char between[] = " \t,";
	char path[PATH_MAX];
	bool hidden = false;

	for (; *text && !hidden; text += strcspn(text, between)) {
		text += strspn(text, between);
		snprintf(path, sizeof(path), "%.*s", (int)strcspn(text, between), text);
		hidden = is_hidden(path);
	}
	return hidden;
}

/* Why somebody else sees another thing there than we do; NULL: for no reason. */
typedef const char *find_fn(const struct conf_item *item, const char *path);

static const char *find_elsewhere(const struct conf_item *item, const char *path)
{
	if (item->type != CONF_FILE || !credential_elsewhere(path))
		return NULL;
	return "a credential, which only the service has, and root while it runs: not looked at";
}

static const char *find_hidden(const struct conf_item *item, const char *path)
{
	bool hidden = item->type == CONF_TEXT				   ? is_any_hidden(path)
		      : item->type == CONF_FILE || item->type == CONF_PATH ? is_hidden(path)
									   : false;

	if (!hidden)
		return NULL;
	return "the service does not see this folder (ProtectHome= and PrivateTmp= of its unit): "
	       "move the file, to /etc/hostingpi for instance";
}

static void look(find_fn *find, const struct conf_item *items, const char *section,
		 const void *conf, module_tell_fn *fn, void *context)
{
	for (; items && items->key; items++) {
		const char *path = (const char *)conf + items->offset;
		const char *sentence = find(items, path);
		char key[80];

		if (!sentence)
			continue;
		if (section)
			snprintf(key, sizeof(key), "%s of [%s]", items->key, section);
		else
			snprintf(key, sizeof(key), "%s", items->key);
		fn(context, key, sentence);
	}
}

static void look_at_all(find_fn *find, const struct module *module, const void *conf,
			module_tell_fn *fn, void *context)
{
	look(find, module->conf, NULL, conf, fn, context);
	for (const struct conf_section *more = module->more; more && more->name; more++)
		look(find, more->items, more->name, conf, fn, context);
}

void settings_elsewhere(const struct module *module, const void *conf, module_tell_fn *fn,
			void *context)
{
	look_at_all(find_elsewhere, module, conf, fn, context);
}

void settings_hidden(const struct module *module, const void *conf, module_tell_fn *fn,
		     void *context)
{
	look_at_all(find_hidden, module, conf, fn, context);
}
