/* SPDX-License-Identifier: MIT */
/* The rehearsal of a drain: who is counted, who obeyed, and what is said of what could not be seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/connections.c"
#include "agent/ctl/document.c"
#include "agent/ctl/frame.c"
#include "agent/ctl/rehearsal.c"
#include "agent/ctl/rehearsal_show.c"
#include "agent/ctl/roster.c"
#include "agent/ctl/row.c"
#include "agent/ctl/text.c"

static const struct style plain = {.utf8 = false};

/* As the kernel prints the address on this machine. */
static const char *hex(const char *address, char text[static 40])
{
	struct in6_addr host;
	bool v4 = strchr(address, '.') != NULL;

	assert_true(connections_host(address, &host));
	text[0] = '\0';
	for (size_t i = v4 ? 3 : 0; i < 4; i++) {
		uint32_t word;

		memcpy(&word, host.s6_addr + 4 * i, sizeof(word));
		snprintf(text + strlen(text), 40 - strlen(text), "%08X", word);
	}
	return text;
}

static void take(struct connections *connections, const char *local, unsigned port,
		 const char *remote, unsigned state)
{
	struct connections_ports ports = {0};
	char line[256], a[40], b[40];

	connections_add_port(&ports, 80);
	connections_add_port(&ports, 443);
	snprintf(line, sizeof(line),
		 "  12: %s:%04X %s:C001 %02X 00000000:00000000 00:00000000 00000000     0",
		 hex(local, a), port, hex(remote, b), state);
	connections_take(connections, &ports, line);
}

static size_t from(const struct connections *connections, const char *address)
{
	struct in6_addr host;

	assert_true(connections_host(address, &host));
	return connections_from(connections, &host);
}

static void test_connections(void **state)
{
	struct connections connections = {0};

	(void)state;
	take(&connections, "2001:db8::10", 80, "2001:db8::1", 1);
	take(&connections, "2001:db8::10", 443, "2001:db8::1", 1);
	take(&connections, "2001:db8::10", 81, "2001:db8::1", 1);  /* another port */
	take(&connections, "2001:db8::10", 80, "2001:db8::1", 6);  /* TIME_WAIT */
	take(&connections, "2001:db8::10", 80, "2001:db8::1", 10); /* LISTEN */
	/* One host, whether its address is in the file of IPv4 or mapped in the other. */
	take(&connections, "192.0.2.10", 80, "192.0.2.9", 1);
	take(&connections, "::ffff:192.0.2.10", 80, "::ffff:192.0.2.9", 1);
	take(&connections, "::1", 80, "::1", 1);
	assert_int_equal(connections.count, 3);
	assert_int_equal(from(&connections, "2001:db8::1"), 2);
	assert_int_equal(from(&connections, "192.0.2.9"), 2);
	assert_int_equal(from(&connections, "::1%lo"), 1);
	assert_int_equal(from(&connections, "2001:db8::2"), 0);
	assert_true(connections.peers[2].own && !connections.peers[0].own);
	/* The kernel's own form, byte by byte, on machines that store numbers from the small end. */
	if (htonl(1) != 1) {
		const struct connections_ports ports = {1, {80}};

		connections_take(&connections, &ports,
				 "   1: 0A0200C0:0050 0902 00C0:C001 01"); /* broken */
		connections_take(&connections, &ports, "   1: 0A0200C0:0050 090200C0:C001 01 rest");
		assert_int_equal(from(&connections, "192.0.2.9"), 3);
	}
}

static void test_connections_of_a_crowd(void **state)
{
	struct connections connections = {0};
	char address[32];

	(void)state;
	for (int i = 0; i < CONNECTIONS_PEERS + 10; i++) {
		snprintf(address, sizeof(address), "2001:db8::%x", i + 1);
		take(&connections, "2001:db8:1::1", 80, address, 1);
	}
	assert_int_equal(connections.count, CONNECTIONS_PEERS);
	assert_int_equal(connections.others, 10);
}

static void test_broken_lines(void **state)
{
	static const char *const lines[] = {
		"",
		":",
		"  sl  local_address rem_address   st tx_queue rx_queue",
		"  0: 0100007F:0050",
		"  0: 0100007F:0050 0100007F",
		"  0: 0100007F:0050 0100007F:C001",
		"  0: 0100007F:0050 0100007F:C001 1",
		"  0: 0100007F0:0050 0100007F:C001 01",
		"  0: 0100007G:0050 0100007F:C001 01",
		"  0: 0100007F:005 0100007F:C001 01",
		"  0: 0100007F:0050  0100007F:C001 01",
	};
	const struct connections_ports ports = {1, {80}};
	struct connections connections = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		connections_take(&connections, &ports, lines[i]);
	assert_int_equal(connections.count + connections.others, 0);
}

/* What a rehearsal of 8 s would see: before, drained, and ready again. */
struct story {
	size_t before, end; /* connections of the host that the story is about */
	const char *by;	    /* NULL: it does not ask */
	bool hears;	    /* "drain", and then "ready" */
	enum rehearsal_verdict verdict;
	bool passed; /* beside another one that obeys */
};

static void look(struct rehearsal *rehearsal, const struct story *story, bool drained, size_t count,
		 int64_t now_ms)
{
	struct connections connections = {0};
	char json[1024], other[256] = "";
	cJSON *status;

	if (story->by != NULL)
		snprintf(
			other, sizeof(other),
			",{\"by\":\"%s\",\"name\":\"lb2\",\"address\":\"2001:db8::2\",\"seen_s\":0.1%s}",
			story->by, drained && story->hears ? ",\"told\":\"drain\"" : "");
	snprintf(
		json, sizeof(json),
		"{\"decision\":{\"weight\":%d,\"state\":\"%s\"},\"state\":{\"web\":{\"requests_s\":%d}},"
		"\"balancers\":[{\"by\":\"haproxy\",\"name\":\"lb1\",\"address\":\"2001:db8::1\","
		"\"interval_ms\":500,\"seen_s\":0.1,\"told\":\"%s\"}%s]}",
		drained ? 5 : 100, drained ? "hold" : "normal", drained ? 1 : 30,
		drained ? "drain" : "ready", other);
	status = cJSON_Parse(json);
	assert_non_null(status);
	for (size_t i = 0; i < (drained ? 0 : 4); i++)
		take(&connections, "2001:db8:1::1", 80, "2001:db8::1", 1);
	for (size_t i = 0; i < count; i++)
		take(&connections, "2001:db8:1::1", 80, "2001:db8::2", 1);
	rehearsal_take(rehearsal, status, &connections, now_ms);
	cJSON_Delete(status);
}

static void play(struct rehearsal *rehearsal, const struct story *story)
{
	*rehearsal = (struct rehearsal){.for_ms = 8000};
	for (int64_t now_ms = 1000; now_ms < 6000; now_ms += 500)
		look(rehearsal, story, false, story->before, now_ms);
	rehearsal->drain_ms = 6000;
	for (int64_t now_ms = 6500; now_ms < 14000; now_ms += 500)
		look(rehearsal, story, true, now_ms < 9000 ? story->before : story->end, now_ms);
	rehearsal->ready_ms = 14000;
	look(rehearsal, story, false, story->before, 14500);
}

static char *shown(const struct rehearsal *rehearsal)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	rehearsal_print(out, &plain, rehearsal);
	fclose(out);
	return text;
}

static void test_verdicts(void **state)
{
	static const struct story stories[] = {
		{8, 0, "haproxy", true, REHEARSAL_OBEYED, true},
		{8, 2, "haproxy", true, REHEARSAL_OBEYED, true},
		{8, 3, "haproxy", true, REHEARSAL_STAYED, false},
		{2, 1, "haproxy", true, REHEARSAL_OBEYED, true}, /* an idle one */
		{2, 2, "haproxy", true, REHEARSAL_STAYED, false},
		{1, 1, "haproxy", true, REHEARSAL_STAYED, false},
		{8, 8, "haproxy", true, REHEARSAL_STAYED, false},
		{0, 0, "haproxy", true, REHEARSAL_UNSEEN, true},
		{0, 3, "haproxy", true, REHEARSAL_STAYED, false},
		{8, 8, "haproxy", false, REHEARSAL_DEAF, false},
		{0, 0, "haproxy", false, REHEARSAL_DEAF, false},
		{8, 0, "http", true, REHEARSAL_OBEYED, true},
		{8, 8, "http", false, REHEARSAL_DEAF, false},
		{0, 0, "http", false, REHEARSAL_BYSTANDER, true}, /* a monitor */
		{8, 8, NULL, false, REHEARSAL_UNASKED, false},
		{8, 0, NULL, false, REHEARSAL_BYSTANDER, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct rehearsal rehearsal;
		char *text;

		play(&rehearsal, &stories[i]);
		assert_int_equal(rehearsal.count,
				 2 - (stories[i].by == NULL && stories[i].before == 0));
		assert_int_equal(rehearsal_judge(&rehearsal, &rehearsal.hosts[0]),
				 REHEARSAL_OBEYED);
		assert_int_equal(rehearsal_judge(&rehearsal, &rehearsal.hosts[1]),
				 stories[i].verdict);
		assert_int_equal(rehearsal_passed(&rehearsal), stories[i].passed);
		text = shown(&rehearsal);
		assert_non_null(strstr(text,
				       "+ lb1 from 2001:db8::1: asks every 0.5 s, heard drain "
				       "after 0.5 s, connections from 4.0 to 0.0 (0 after 0.5 "
				       "s), heard ready after 0.5 s\n"));
		assert_non_null(strstr(text, "requests/s from 30.0 to 1.0\n"));
		assert_int_equal(strstr(text, "all load balancers obeyed") != NULL,
				 stories[i].passed);
		free(text);
	}
}

/* Who has no connections cannot show what it does with them. */
static void test_without_traffic(void **state)
{
	static const struct story story = {0, 0, "haproxy", true, REHEARSAL_UNSEEN, true};
	struct rehearsal rehearsal;
	char *text;

	(void)state;
	play(&rehearsal, &story);
	rehearsal.hosts[0].before = (struct rehearsal_mean){0};
	assert_true(rehearsal_passed(&rehearsal));
	text = shown(&rehearsal);
	assert_null(strstr(text, "balancers obeyed"));
	assert_non_null(strstr(text, "all load balancers heard it; no connections were seen"));
	free(text);
}

/* What ends a rehearsal early says so, and nothing else. */
static void test_not_played_to_its_end(void **state)
{
	static const struct story story = {8, 0, "haproxy", true, REHEARSAL_OBEYED, true};

	(void)state;
	for (int i = 0; i < 5; i++) {
		static const char *const words[] = {
			"interrupted: nothing can be said", "somebody else ended the drain",
			"the drain ends by itself",	    "the weight was not yet back at 100 %",
			"do users come directly",
		};
		struct rehearsal rehearsal;
		char *text;

		play(&rehearsal, &story);
		assert_true(rehearsal_passed(&rehearsal) && rehearsal_heard(&rehearsal));
		rehearsal.interrupted = i == 0;
		rehearsal.ended_early = i == 1;
		rehearsal.agent_lost = i == 2;
		rehearsal.back_ms = i == 3 ? 0 : rehearsal.back_ms;
		rehearsal.others = i == 4;
		assert_false(rehearsal_passed(&rehearsal));
		text = shown(&rehearsal);
		assert_non_null(strstr(text, words[i]));
		free(text);
	}
}

static void test_nothing_to_be_seen(void **state)
{
	struct rehearsal rehearsal = {.for_ms = 5000, .ports = {2, {80, 443}}};
	char *text;

	(void)state;
	rehearsal_take(&rehearsal, NULL, NULL, 1000);
	rehearsal.drain_ms = 2000;
	rehearsal_take(&rehearsal, NULL, NULL, 3000);
	rehearsal.ready_ms = 7000;
	assert_false(rehearsal_passed(&rehearsal));
	text = shown(&rehearsal);
	assert_non_null(strstr(text, "requests/s are not known (no web source"));
	assert_non_null(strstr(text, "no connection to port 80 and 443 was seen"));
	assert_non_null(strstr(text, "no load balancer asked: none would take this Pi out; look"));
	free(text);
}

/* Its connections are this machine's own, and were seen all the same. */
static void test_a_balancer_on_this_machine(void **state)
{
	struct rehearsal rehearsal = {.for_ms = 5000, .ports = {2, {80, 443}}};
	struct connections connections = {0};
	cJSON *status = cJSON_Parse("{\"balancers\":[{\"by\":\"haproxy\",\"address\":\"::1\"}]}");

	(void)state;
	assert_non_null(status);
	take(&connections, "2001:db8::1", 80, "2001:db8::1", 1);
	rehearsal_take(&rehearsal, status, &connections, 1000);
	assert_false(rehearsal.connections_seen);
	take(&connections, "::1", 80, "::1", 1);
	rehearsal_take(&rehearsal, status, &connections, 1500);
	assert_true(rehearsal.connections_seen);
	assert_int_equal(rehearsal.count, 1);
	cJSON_Delete(status);
}

static void test_json(void **state)
{
	static const struct story story = {8, 8, NULL, false, REHEARSAL_UNASKED, false};
	struct rehearsal rehearsal;
	const cJSON *host;
	cJSON *document;

	(void)state;
	play(&rehearsal, &story);
	document = rehearsal_json(&rehearsal);
	assert_true(cJSON_IsFalse(document_find(document, "passed")));
	host = cJSON_GetArrayItem(document_find(document, "hosts"), 1);
	assert_string_equal(document_text(host, "address"), "2001:db8::2");
	assert_string_equal(document_text(host, "verdict"), "unasked");
	assert_null(document_text(host, "by"));
	host = cJSON_GetArrayItem(document_find(document, "hosts"), 0);
	assert_true(document_find(host, "heard_drain_s")->valuedouble == 0.5);
	assert_true(document_find(host, "connections_before")->valuedouble == 4);
	assert_true(document_find(document, "drained_s")->valuedouble == 8);
	cJSON_Delete(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_connections_of_a_crowd),
		cmocka_unit_test(test_broken_lines),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_without_traffic),
		cmocka_unit_test(test_not_played_to_its_end),
		cmocka_unit_test(test_nothing_to_be_seen),
		cmocka_unit_test(test_a_balancer_on_this_machine),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests_name("hostingpictl: rehearsal", tests, NULL, NULL);
}
