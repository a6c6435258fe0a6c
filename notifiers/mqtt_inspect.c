/* SPDX-License-Identifier: MIT */
/*
 * Finds what would come back later as a handshake or a login that fails, and names the key: who sets
 * up a broker tries it with `hostingpid -t`, not with the log of a daemon. It looks as whoever calls
 * it; a file that only the daemon's user may read must be looked at as that user or as root.
 */
#include "notifiers/mqtt_inspect.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/credential.h"
#include "notifiers/mqtt_conf.h"
#include "notifiers/mqtt_login.h"
#include "notifiers/mqtt_tls.h"

struct inspection {
	module_tell_fn *tell;
	void *context;
};

/* False, and told, if there is no such file or not for us. */
static bool is_readable(const struct inspection *to, const char *key, const char *path)
{
	char sentence[MODULE_SENTENCE_SIZE];

	if (access(path, R_OK) == 0)
		return true;
	if (credential_elsewhere(path))
		return false;
	snprintf(sentence, sizeof(sentence), "%s: %s%s", path,
		 credential_is(path) ? strerrordesc_np(errno)
		 : errno == ENOENT   ? "it is not there: copy or make it"
		 : errno == EACCES   ? "it cannot be read here: it must belong to the user that "
				       "hostingpid runs as"
				     : strerrordesc_np(errno),
		 credential_advise(path, errno));
	to->tell(to->context, key, sentence);
	return false;
}

static void look_at_login(const struct inspection *to, const struct mqtt_conf *conf)
{
	static const char key[] = "credential_file";
	struct mqtt_login login = {0};
	char error[MODULE_SENTENCE_SIZE];

	if (mqtt_login_read(&login, conf->credential_file, conf->psk, error, sizeof(error)) < 0)
		/* The sentence begins with the key. */
		to->tell(to->context, key, error + sizeof(key) + 1);
	mqtt_login_forget(&login);
}

/* OpenSSL finds certificates in a directory by names such as 8d33f237.0, which are made for it. */
static bool is_hash_name(const char *name)
{
	return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
	       isdigit((unsigned char)name[9]);
}

static void look_at_directory(const struct inspection *to, const char *path)
{
	char sentence[MODULE_SENTENCE_SIZE];
	const struct dirent *entry;
	bool found = false;
	DIR *directory = opendir(path);

	if (!directory) {
		snprintf(sentence, sizeof(sentence), "%s: %s", path, strerrordesc_np(errno));
		to->tell(to->context, "ca_path", sentence);
		return;
	}
	while (!found && (entry = readdir(directory)))
		found = is_hash_name(entry->d_name);
	closedir(directory);
	if (found)
		return;
	snprintf(sentence, sizeof(sentence),
		 "%s: no certificate in it that could be found: run: openssl rehash %s", path,
		 path);
	to->tell(to->context, "ca_path", sentence);
}

static void look_at_key(const struct inspection *to, const char *path)
{
	char sentence[MODULE_SENTENCE_SIZE];
	struct stat st;

	if (stat(path, &st) < 0 || !(st.st_mode & (S_IRWXG | S_IRWXO)) ||
	    credential_is_closed(path, &st))
		return;
	snprintf(sentence, sizeof(sentence),
		 "run: chmod 600 %s: it is open to others than its owner", path);
	to->tell(to->context, "key_file", sentence);
}

static void look_at_certificates(const struct inspection *to, const struct mqtt_conf *conf)
{
	struct mqtt_tls_files files = {
		.ca = conf->ca_file, .certificate = conf->cert_file, .key = conf->key_file};
	const char *key;
	char sentence[MODULE_SENTENCE_SIZE];
	bool readable = true;

	if (files.ca[0])
		readable &= is_readable(to, "ca_file", files.ca);
	if (files.certificate[0])
		readable &= is_readable(to, "cert_file", files.certificate);
	if (files.key[0])
		readable &= is_readable(to, "key_file", files.key);
	if (files.key[0])
		look_at_key(to, files.key);
	if (readable && !mqtt_tls_try(&files, &key, sentence, sizeof(sentence)))
		to->tell(to->context, key, sentence);
}

const char *mqtt_inspect(const void *conf, module_tell_fn *tell, void *context)
{
	const struct mqtt_conf *c = conf;
	const struct inspection to = {tell, context};

	if (!c->host[0])
		return "switched off: set host in section [mqtt]";
	if (c->credential_file[0] && !credential_elsewhere(c->credential_file))
		look_at_login(&to, c);
	if (c->ca_path[0])
		look_at_directory(&to, c->ca_path);
	look_at_certificates(&to, c);
	return NULL;
}
