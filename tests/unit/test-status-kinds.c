/* SPDX-License-Identifier: MIT */
/*
 * What lighttpd, PHP-FPM, Caddy and HAProxy say of themselves: what the real ones print, in pieces of
 * each size, and what one that lies or breaks may print instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/status_body.h"

/* Parses a text that comes in pieces. */
static int parse_pieces(const char *text, size_t piece, struct status_reading *reading,
			const char **why)
{
	struct status_body body = {.text = malloc(STATUS_BODY_MAX + 1)};
	size_t length = strlen(text);
	assert_non_null(body.text);
	status_body_start(&body);
	for (size_t at = 0; at < length; at += piece)
		assert_int_equal(status_body_add(&body, text + at,
						 length - at < piece ? length - at : piece),
				 0);
	status_body_end(&body);
	*why = NULL;
	int r = status_body_parse(&body, reading, why);
	assert_true(r == 0 || *why);
	free(body.text);
	return r;
}

static void parse(const char *text, struct status_reading *reading)
{
	const char *why;
	if (parse_pieces(text, strlen(text), reading, &why) != 0)
		fail_msg("%s: %s", why, text);
}

/* The value of a field; fails if it is not there. */
static int64_t value(const struct status_reading *reading, enum status_field field)
{
	assert_true(status_has(reading, field));
	return reading->value[field];
}

/* Each must be refused as a page of its kind that lies, with a reason that holds the word. */
static void refuse(const char *const *texts, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++) {
		struct status_reading reading = {.known = 77};
		const char *why;
		if (parse_pieces(texts[i], strlen(texts[i]), &reading, &why) != -EBADMSG)
			fail_msg("taken: %s", texts[i]);
		if (!strstr(why, word))
			fail_msg("'%s' without '%s'", why, word);
		assert_int_equal(reading.known, 77);
	}
}

#define REFUSE(texts, word) refuse(texts, sizeof(texts) / sizeof(texts[0]), word)

/* lighttpd 1.4.69 */
#define LIGHTTPD(busy, board)                                                                      \
	"Total Accesses: 5\nTotal kBytes: 2\nUptime: 9\nBusyServers: " busy                        \
	"\nIdleServers: 1361\nScoreboard: " board "\n"

static void test_lighttpd(void **state)
{
	(void)state;
	struct status_reading reading;
	parse(LIGHTTPD("4", "hrrk______"), &reading);
	assert_int_equal(reading.kind, STATUS_LIGHTTPD);
	assert_int_equal(value(&reading, STATUS_REQUESTS), 5);
	assert_int_equal(value(&reading, STATUS_BUSY), 0); /* only we are served */
	assert_int_equal(value(&reading, STATUS_AGE), 9);
	assert_false(status_has(&reading, STATUS_IDLE)); /* connections are no workers */
	parse(LIGHTTPD("9", "hWWRSkkCr_"), &reading);
	assert_int_equal(value(&reading, STATUS_BUSY), 4);

	static const char *const lies[] = {
		LIGHTTPD("1", "hWWW"),
		LIGHTTPD("-1", "h"),
		LIGHTTPD("", "h"),
		LIGHTTPD("4", "h\nScoreboard: h"),
		"BusyServers: 4\nScoreboard: h\n",
		"BusyServers: 4\nTotal Accesses: 4\n",
	};
	REFUSE(lies, "malformed lighttpd");
	static const char *const absurd[] = {LIGHTTPD("1000001", "h")};
	REFUSE(absurd, "not a plausible number");
}

/* PHP-FPM 8.2 */
#define PHP_FPM(accepted, room, active)                                                            \
	"pool:                 www\nprocess manager:      dynamic\n"                               \
	"start time:           21/Nov/2026:09:01:08 +0000\nstart since:          60\n"             \
	"accepted conn:        " accepted "\nlisten queue:         2\nmax listen queue:     3\n"   \
	"listen queue len:     " room "\nidle processes:       1\nactive processes:     " active   \
	"\ntotal processes:      3\nmax active processes: 2\nmax children reached: 4\n"            \
	"slow requests:        5\n"

static void test_php_fpm(void **state)
{
	(void)state;
	struct status_reading reading;
	parse(PHP_FPM("7", "511", "2"), &reading);
	assert_int_equal(reading.kind, STATUS_PHP_FPM);
	assert_int_equal(value(&reading, STATUS_REQUESTS), 7);
	assert_int_equal(value(&reading, STATUS_BUSY), 1);
	assert_int_equal(value(&reading, STATUS_IDLE), 1);
	assert_int_equal(value(&reading, STATUS_QUEUED), 2);
	assert_int_equal(value(&reading, STATUS_CHILDREN_REACHED), 4);
	assert_int_equal(value(&reading, STATUS_SLOW), 5);
	assert_int_equal(value(&reading, STATUS_AGE), 60);
	assert_true(reading.counts_polls);

	/* A Unix socket's queue is not known: its 0 is no value. */
	parse(PHP_FPM("7", "0", "0"), &reading);
	assert_false(status_has(&reading, STATUS_QUEUED));
	assert_int_equal(value(&reading, STATUS_BUSY), 0);
	assert_int_equal(reading.own_busy, 0);

	static const char *const lies[] = {
		PHP_FPM("x", "511", "2"), PHP_FPM("7", "511", "-2"), PHP_FPM("7", "none", "2"),
		"accepted conn: 5\n",	  "active processes: 5\n",
	};
	REFUSE(lies, "malformed PHP-FPM");
	static const char *const absurd[] = {PHP_FPM("7", "511", "1000001"),
					     PHP_FPM("9007199254740993", "511", "2")};
	REFUSE(absurd, "not a plausible number");
}

#define TOTAL(server, handler, number)                                                             \
	"caddy_http_requests_total{handler=\"" handler "\",server=\"" server "\"} " number "\n"
#define TIMED(server, handler, code, sum, number)                                                  \
	"caddy_http_request_duration_seconds_sum{code=\"" code "\",handler=\"" handler             \
	"\",method=\"GET\",server=\"" server "\"} " sum                                            \
	"\ncaddy_http_request_duration_seconds_count{code=\"" code "\",handler=\"" handler         \
	"\",method=\"GET\",server=\"" server "\"} " number "\n"
#define BUSY(server, handler, number)                                                              \
	"caddy_http_requests_in_flight{handler=\"" handler "\",server=\"" server "\"} " number "\n"
#define HELP "# HELP caddy_x words\n# TYPE caddy_x counter\n"
#define START "process_start_time_seconds 1.79525160033e+09\n"

static void test_caddy(void **state)
{
	(void)state;
	/* Two servers; at the first each request passes three handlers, one of them only some. */
	static const char page[] = HELP "go_goroutines 14\n" TIMED("a", "subroute", "200", "0.75",
								   "6")
		TIMED("a", "encode", "200", "0.5", "6") TIMED("a", "subroute", "502", "1", "2")
			TIMED("b", "static_response", "200", "2.5e-05", "1")
				BUSY("a", "subroute", "3") BUSY("a", "encode", "2")
					BUSY("b", "static_response", "1") TOTAL("a", "encode", "6")
						TOTAL("a", "subroute", "8")
							TOTAL("b", "static_response", "1e+06")
								START;
	struct status_reading reading;
	const char *why;
	for (size_t piece = 1; piece < 200; piece++) {
		assert_int_equal(parse_pieces(page, piece, &reading, &why), 0);
		assert_int_equal(reading.kind, STATUS_CADDY);
		assert_int_equal(value(&reading, STATUS_REQUESTS), 1000008);
		assert_int_equal(value(&reading, STATUS_BUSY), 4);
		assert_int_equal(value(&reading, STATUS_ERRORS_5XX), 2);
		assert_int_equal(value(&reading, STATUS_TIMED), 9);
		assert_int_equal(value(&reading, STATUS_TIME_US), 1750025);
		assert_int_equal(value(&reading, STATUS_AGE),
				 STATUS_TOTAL_MAX - INT64_C(1795251600330000));
		assert_false(reading.counts_polls);
	}

	/* Other labels split what is counted; quotes and commas in values are no ends. */
	parse(HELP
	      "caddy_http_requests_total{handler=\"a\\\"},b\",host=\"x\",server=\"s\"} 2\n"
	      "caddy_http_requests_total{handler=\"a\\\"},b\",host=\"y\",server=\"s\"} 3 1700\n",
	      &reading);
	assert_int_equal(value(&reading, STATUS_REQUESTS), 5);

	/* Without the option, or before the first request, nothing is counted. */
	parse(HELP "caddy_admin_http_requests_total{code=\"200\"} 1\n" START, &reading);
	assert_false(status_has(&reading, STATUS_REQUESTS));
	assert_non_null(strstr(status_missing(STATUS_CADDY, STATUS_REQUESTS), "metrics }"));
	assert_int_equal(parse_pieces(HELP "go_goroutines 14\n", 9, &reading, &why), -EPROTO);
}

static void test_caddy_lies(void **state)
{
	(void)state;
	static const char *const lies[] = {
		HELP TOTAL("a", "b", "-1"),
		HELP TOTAL("a", "b", "NaN"),
		HELP TOTAL("a", "b", "+Inf"),
		HELP TOTAL("a", "b", ""),
		HELP TOTAL("a", "b", "."),
		HELP TOTAL("a", "b", "1e"),
		HELP TOTAL("a", "b", "1x"),
		HELP TOTAL("a", "b", "1e+99"),
		HELP TOTAL("a", "b", "9007199254740993"),
		HELP "caddy_http_requests_total{handler=\"b\"} 1\n",
		HELP "caddy_http_requests_total{handler=\"b\n",
		HELP "caddy_http_requests_total{handler=\"b\\\n",
		HELP "caddy_http_requests_total{handler} 1\n",
		HELP "caddy_http_requests_total{\n",
		HELP "caddy_\nprocess_start_time_seconds x\n",
	};
	REFUSE(lies, "malformed metrics of Caddy");
	static const char *const absurd[] = {
		HELP TOTAL("a", "b", "9007199254740992") TOTAL("c", "b", "1"),
		HELP BUSY("a", "b", "1000001"),
	};
	REFUSE(absurd, "not a plausible number");
	static const char *const cut[] = {HELP TOTAL("a", "b", "1") "caddy_"};
	REFUSE(cut, "in the middle of a line");

	static char many[16384];
	size_t used = (size_t)snprintf(many, sizeof(many), HELP);
	for (int i = 0; i < CADDY_HANDLERS; i++)
		used += (size_t)snprintf(many + used, sizeof(many) - used, TOTAL("a", "h%d", "1"),
					 i);
	struct status_reading reading;
	parse(many, &reading);
	snprintf(many + used, sizeof(many) - used, TOTAL("a", "one more", "1"));
	const char *const too_many[] = {many};
	REFUSE(too_many, "more than 64 handlers");
}

/* A page that is far longer than what is kept of it; and a line that is. */
static void test_caddy_at_length(void **state)
{
	(void)state;
	static const char bucket[] = "caddy_http_request_size_bytes_bucket{code=\"200\"} 1\n";
	struct status_body body = {.text = malloc(STATUS_BODY_MAX + 1)};
	struct status_reading reading;
	const char *why;
	assert_non_null(body.text);
	status_body_start(&body);
	assert_int_equal(status_body_add(&body, HELP, strlen(HELP)), 0);
	for (size_t sent = 0; sent < 5 * STATUS_BODY_MAX; sent += strlen(bucket))
		assert_int_equal(status_body_add(&body, bucket, strlen(bucket)), 0);
	assert_int_equal(status_body_add(&body, TOTAL("a", "b", "9"), strlen(TOTAL("a", "b", "9"))),
			 0);
	status_body_end(&body);
	assert_int_equal(status_body_parse(&body, &reading, &why), 0);
	assert_int_equal(value(&reading, STATUS_REQUESTS), 9);

	int r = 0;
	for (size_t sent = 0; r == 0 && sent <= STATUS_BODY_MAX; sent += 4)
		r = status_body_add(&body, "long", 4);
	assert_int_equal(r, -EFBIG);
	free(body.text);
}

#define TABLE "# pxname,svname,qcur,scur,req_tot,hrsp_5xx,new,rtime,\n"

static void test_haproxy(void **state)
{
	(void)state;
	struct status_reading reading;
	parse(TABLE "web,FRONTEND,,9,100,3,\"a,\"\"b\",,\nweb,BACKEND,2,4,100,3,,10,\n"
		    "\"api\",FRONTEND,,1,50,0,,,\napi,BACKEND,1,1,300,0,,50,\n"
		    "tcp,FRONTEND,,7,,,,,\ntcp,BACKEND,1,7,,,,9,\nweb,s1,5,5,5,5,5,5,\n\n",
	      &reading);
	assert_int_equal(reading.kind, STATUS_HAPROXY);
	assert_int_equal(value(&reading, STATUS_REQUESTS), 150);
	assert_int_equal(value(&reading, STATUS_ERRORS_5XX), 3);
	assert_int_equal(value(&reading, STATUS_BUSY), 5);
	assert_int_equal(value(&reading, STATUS_QUEUED), 3);
	assert_int_equal(value(&reading, STATUS_LATENCY_US), 40000);
	assert_false(reading.counts_polls);

	parse("# pxname,svname,scur,req_tot,\ntcp,FRONTEND,7,,\n\n", &reading);
	assert_int_equal(reading.known, 0);

	static const char *const lies[] = {
		"# pxname,svname,scur\nweb,FRONTEND,1\n\n",
		TABLE "web,FRONTEND,,9,many,3,,,\n\n",
		TABLE "web,FRONTEND,,9,-1,3,,,\n\n",
		TABLE "web,FRONTEND,,9,9007199254740993,3,,,\n\n",
		TABLE "web,FRONTEND,,1000001,9,3,,,\n\n",
		TABLE "web,FRONTEND,,1\n\n",
		TABLE "web,FRONTEND,\",1,2,3\n\n",
		TABLE "web,BACKEND,,1,2,3,4,x\n\n",
	};
	REFUSE(lies, "malformed table of HAProxy");
	static const char *const cut[] = {TABLE, TABLE "web,FRONTEND,,9,100,3,,,\n",
					  "# pxname,svname,scur,req_tot"};
	REFUSE(cut, "before its end");
}

/* Every field that a kind may lack has its reason. */
static void test_reasons(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < STATUS_KINDS; kind++) {
		assert_non_null(status_kind_names[kind]);
		for (unsigned field = 0; field < STATUS_FIELDS; field++)
			assert_non_null(status_missing(kind, field));
	}
	assert_non_null(strstr(status_missing(STATUS_APACHE, STATUS_REQUESTS), "ExtendedStatus"));
	assert_non_null(strstr(status_missing(STATUS_NGINX, STATUS_QUEUED), "only PHP-FPM"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lighttpd),	cmocka_unit_test(test_php_fpm),
		cmocka_unit_test(test_caddy),		cmocka_unit_test(test_caddy_lies),
		cmocka_unit_test(test_caddy_at_length), cmocka_unit_test(test_haproxy),
		cmocka_unit_test(test_reasons),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
