/* SPDX-License-Identifier: MIT */
/*
 * A limit in the web server's own configuration protects the Pi while nobody steers it: when the agent is
 * away, or when visitors do not come through a balancer. It is the agent's own bound for growth
 * (agent/pressure.c): headroom, plus what the workers hold already, less the reserve, divided by the size
 * of one worker. Under pressure that would be too little for calm days, so nothing is computed then.
 *
 * The other settings are those of hostingpid(8), LIMITS: idle workers give their memory back soon, and
 * none lives for ever.
 */
#include "agent/ctl/limits.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/ctl/document.h"
#include "agent/ctl/text.h"
#include "agent/sentence.h"

#define MB 1000000
/* More memory than any machine has: keeps the arithmetic far from overflow. */
#define BYTES_MOST 1e15
/* No worker is smaller (WORKER_LEAST_BYTES of agent/pressure.c). */
#define WORKER_LEAST_BYTES (4 << 20)
#define MAX_SPARE 4
#define MIN_SPARE 2

static const char *const kind_names[] = {
	[LIMITS_APACHE] = "apache",
	[LIMITS_PHP_FPM] = "php-fpm",
	[LIMITS_NGINX] = "nginx",
};

/* Which processes they are, in web.servers. */
static const char *const process_names[][2] = {
	[LIMITS_APACHE] = {"apache2", "httpd"},
	[LIMITS_PHP_FPM] = {"php-fpm", "php-cgi"},
	[LIMITS_NGINX] = {"nginx", "nginx"},
};

/* Two digits are as exact as a measured size ever is. */
static int64_t round_down(int64_t number)
{
	int64_t step = 1;

	while (number / step >= 100)
		step *= 10;
	return number - number % step;
}

/* Reads a number of bytes below "state.". -EAGAIN with the reason if it is not known. */
static int take_bytes(const cJSON *document, const char *name, int64_t *ret_bytes, char *ret_error,
		      size_t size)
{
	const cJSON *unknown = document_find(document, "state.unknown");
	const cJSON *reason = cJSON_GetObjectItemCaseSensitive(unknown, name);
	const char *text;
	char path[64];
	double value;

	snprintf(path, sizeof(path), "state.%s", name);
	if (document_number(document, path, &value) && value > -BYTES_MOST && value < BYTES_MOST) {
		*ret_bytes = (int64_t)value;
		return 0;
	}
	text = cJSON_IsString(reason) ? reason->valuestring : "no reason given";
	/* collectors/workers.c: no waiting helps. */
	if (strncmp(text, "one process serves", 18) == 0)
		return sentence_fail(
			-EAGAIN, ret_error, size,
			"the web server that was seen has no workers to measure: one "
			"process serves many requests, so its own limits are right; the "
			"maxconn for a balancer is the cap that 'hostingpictl status' "
			"shows on calm days");
	return sentence_fail(
		-EAGAIN, ret_error, size,
		"nothing was measured, %s is not known: %.160s; let the web server work "
		"for some minutes, then try again",
		name, text);
}

int limits_compute(const cJSON *document, struct limits *ret_limits, char *ret_error, size_t size)
{
	const char *state = document_text(document, "decision.state");
	struct limits limits = {.servers = document_text(document, "state.web.servers")};
	double need;
	int error;

	if (state == NULL || (strcmp(state, "normal") != 0 && strcmp(state, "hold") != 0))
		return sentence_fail(
			-EAGAIN, ret_error, size,
			"the agent says '%.16s': what is measured now would not fit calm "
			"days; try again when it says 'normal'",
			state != NULL ? state : "nothing");
	if ((error = take_bytes(document, "web.worker_bytes", &limits.worker_bytes, ret_error,
				size)) < 0 ||
	    (error = take_bytes(document, "web.memory_bytes", &limits.held_bytes, ret_error,
				size)) < 0 ||
	    (error = take_bytes(document, "mem.headroom_bytes", &limits.headroom_bytes, ret_error,
				size)) < 0 ||
	    (error = take_bytes(document, "mem.reserve_bytes", &limits.reserve_bytes, ret_error,
				size)) < 0)
		return error;
	if (document_number(document, "decision.need", &need) && need >= 1 && need < BYTES_MOST)
		limits.need = (int64_t)need;
	if (limits.worker_bytes < WORKER_LEAST_BYTES)
		limits.worker_bytes = WORKER_LEAST_BYTES;
	limits.exact = (limits.headroom_bytes + limits.held_bytes - limits.reserve_bytes) /
		       limits.worker_bytes;
	if (limits.exact < 1)
		return sentence_fail(
			-EAGAIN, ret_error, size,
			"no worker of %lld MB fits: headroom %lld MB and what the workers hold, "
			"%lld MB, against a reserve of %lld MB; end what else runs here, or lower "
			"reserve in [control]",
			(long long)limits.worker_bytes / MB, (long long)limits.headroom_bytes / MB,
			(long long)limits.held_bytes / MB, (long long)limits.reserve_bytes / MB);
	limits.workers = round_down(limits.exact);
	*ret_limits = limits;
	return 0;
}

/* Whether its processes were seen. */
static bool is_seen(const struct limits *limits, enum limits_kind kind)
{
	return limits->servers != NULL &&
	       (strstr(limits->servers, process_names[kind][0]) != NULL ||
		strstr(limits->servers, process_names[kind][1]) != NULL);
}

/* Where the memory is: PHP-FPM rather than the web server in front of it. */
static bool choose(const struct limits *limits, enum limits_kind *ret_kind)
{
	static const enum limits_kind order[] = {LIMITS_PHP_FPM, LIMITS_APACHE, LIMITS_NGINX};

	for (size_t i = 0; i < LIMITS_KINDS; i++) {
		if (is_seen(limits, order[i])) {
			*ret_kind = order[i];
			return true;
		}
	}
	return false;
}

/* Why this number, as comments. */
static void print_why(const struct limits *limits, enum limits_kind kind, const char *mark)
{
	static const struct style plain = {.utf8 = false};

	printf("%s\n%s Why %lld: headroom %lld MB + held by the workers %lld MB - reserve %lld MB,\n",
	       mark, mark, (long long)limits->workers, (long long)limits->headroom_bytes / MB,
	       (long long)limits->held_bytes / MB, (long long)limits->reserve_bytes / MB);
	printf("%s divided by %lld MB for one worker, is %lld", mark,
	       (long long)limits->worker_bytes / MB, (long long)limits->exact);
	printf(limits->workers < limits->exact ? ", rounded down.\n" : ".\n");
	printf("%s Seen: ", mark);
	text_put(stdout, &plain, limits->servers != NULL ? limits->servers : "no web server");
	printf("\n");
	if (!is_seen(limits, kind))
		printf("%s This is not %s: is it the one whose memory counts?\n", mark,
		       kind_names[kind]);
	if (limits->need > limits->workers)
		printf("%s At its peaks the site has up to %lld requests at work: the others are for\n"
		       "%s other machines, so let a load balancer see this Pi.\n",
		       mark, (long long)limits->need, mark);
	printf("%s The static maxconn of this Pi in a load balancer: %lld, divided by the number of\n"
	       "%s balancers. Made by 'hostingpictl limits %s'; make it anew when the site changes.\n",
	       mark, (long long)limits->workers, mark, kind_names[kind]);
}

static void print_apache(const struct limits *limits)
{
	int64_t most = limits->workers, min_spare = most < MIN_SPARE ? most : MIN_SPARE;
	/* Apache wants the upper one to be larger. */
	int64_t max_spare = most < MAX_SPARE ? most : MAX_SPARE;

	if (max_spare <= min_spare)
		max_spare = min_spare + 1;
	printf("# /etc/apache2/conf-available/hostingpi-limits.conf, then:\n"
	       "#   a2enconf hostingpi-limits && apachectl configtest && systemctl restart apache2\n"
	       "# For mpm_prefork, the one that mod_php needs; with mpm_event limit PHP-FPM instead.\n");
	print_why(limits, LIMITS_APACHE, "#");
	printf("<IfModule mpm_prefork_module>\n"
	       "    ServerLimit %lld\n"
	       "    MaxRequestWorkers %lld\n",
	       (long long)most, (long long)most);
	printf("    # idle workers are ended soon, and give their memory back\n"
	       "    StartServers %lld\n"
	       "    MinSpareServers %lld\n"
	       "    MaxSpareServers %lld\n"
	       "    # none lives for ever: they only grow\n"
	       "    MaxConnectionsPerChild 500\n"
	       "</IfModule>\n"
	       "# a connection that is kept open holds a worker\n"
	       "KeepAliveTimeout 2\n",
	       (long long)min_spare, (long long)min_spare, (long long)max_spare);
}

static void print_php_fpm(const struct limits *limits)
{
	printf("; /etc/php/8.2/fpm/pool.d/zz-hostingpi-limits.conf (8.2: your version), then:\n"
	       ";   php-fpm8.2 -t && systemctl restart php8.2-fpm\n"
	       "; It changes the pool of the same name; of several pools the sum counts.\n");
	print_why(limits, LIMITS_PHP_FPM, ";");
	printf("[www]\n"
	       "; every idle child is ended after a while, and gives its memory back\n"
	       "pm = ondemand\n"
	       "pm.process_idle_timeout = 5s\n"
	       "pm.max_children = %lld\n"
	       "; none lives for ever: they only grow\n"
	       "pm.max_requests = 500\n",
	       (long long)limits->workers);
}

static void print_nginx(const struct limits *limits)
{
	printf("# /etc/nginx/conf.d/hostingpi-limits.conf, then:\n"
	       "#   nginx -t && systemctl reload nginx\n"
	       "# nginx itself holds little: this keeps what is behind it (PHP-FPM, an application) from\n"
	       "# being asked for more. Beyond it visitors get 503, which balancers try elsewhere.\n"
	       "# Requests count while they are at work, for all servers together; set it for a location\n"
	       "# instead if the others serve files only.\n");
	print_why(limits, LIMITS_NGINX, "#");
	/* The key is the same for all. 32k holds one state; it is the least that nginx takes. */
	printf("limit_conn_zone all zone=hostingpi:32k;\n"
	       "limit_conn hostingpi %lld;\n"
	       "limit_conn_status 503;\n",
	       (long long)limits->workers);
}

static void (*const printers[])(const struct limits *limits) = {
	[LIMITS_APACHE] = print_apache,
	[LIMITS_PHP_FPM] = print_php_fpm,
	[LIMITS_NGINX] = print_nginx,
};

static enum ctl_exit print_json(const struct limits *limits, enum limits_kind kind)
{
	cJSON *document = cJSON_CreateObject();
	enum ctl_exit result;

	cJSON_AddStringToObject(document, "server", kind_names[kind]);
	cJSON_AddNumberToObject(document, "workers", (double)limits->workers);
	cJSON_AddNumberToObject(document, "exact", (double)limits->exact);
	cJSON_AddNumberToObject(document, "headroom_bytes", (double)limits->headroom_bytes);
	cJSON_AddNumberToObject(document, "held_bytes", (double)limits->held_bytes);
	cJSON_AddNumberToObject(document, "reserve_bytes", (double)limits->reserve_bytes);
	cJSON_AddNumberToObject(document, "worker_bytes", (double)limits->worker_bytes);
	if (limits->need > 0)
		cJSON_AddNumberToObject(document, "need", (double)limits->need);
	result = ctl_print_json(document);
	cJSON_Delete(document);
	return result;
}

/* LIMITS_KINDS where none was said. */
static enum ctl_exit kind_of(const char *text, enum limits_kind *ret_kind)
{
	char error[LIMITS_ERROR_SIZE];

	*ret_kind = LIMITS_KINDS;
	for (unsigned kind = 0; text != NULL && kind < LIMITS_KINDS; kind++)
		if (strcmp(text, kind_names[kind]) == 0)
			*ret_kind = (enum limits_kind)kind;
	if (text == NULL || *ret_kind != LIMITS_KINDS)
		return CTL_FINE;
	snprintf(error, sizeof(error),
		 "limits: '%.40s' is none of apache, php-fpm and nginx; what serves all in one "
		 "process, such as lighttpd or caddy, needs no such limit: name the PHP-FPM behind "
		 "it; see 'hostingpictl help limits'",
		 text);
	return ctl_fail(CTL_USAGE, error);
}

static enum ctl_exit print(const cJSON *document, enum limits_kind kind, bool json)
{
	char error[LIMITS_ERROR_SIZE];
	struct limits limits;

	if (limits_compute(document, &limits, error, sizeof(error)) < 0)
		return ctl_fail(CTL_FAILED, error);
	if (kind == LIMITS_KINDS && !choose(&limits, &kind))
		return ctl_fail(CTL_FAILED,
				"none of apache, php-fpm and nginx is seen here: say which "
				"one you want");
	if (json)
		return print_json(&limits, kind);
	printers[kind](&limits);
	return ctl_output_end();
}

static enum ctl_exit run_limits(const struct ctl_options *options, struct client *client)
{
	enum limits_kind kind;
	cJSON *document = NULL;
	enum ctl_exit result = kind_of(options->text, &kind);

	if (result != CTL_FINE)
		return result;
	result = client_ask(client, "{\"command\":\"status\"}", &document);
	if (result != CTL_FINE)
		return ctl_fail(result, client->error);
	result = print(document, kind, options->json);
	cJSON_Delete(document);
	return result;
}

const struct ctl_command limits_command = {
	.name = "limits",
	.takes_text = true,
	.wordless = true,
	.help = "  limits [SERVER]       limits for a web server's configuration that fit this Pi\n",
	.details = "  SERVER                apache, php-fpm or nginx (default: the one that was\n"
		   "                        seen, PHP-FPM first)\n"
		   "Type: hostingpictl limits php-fpm. With --json only the numbers.\n",
	.run = run_limits,
};
