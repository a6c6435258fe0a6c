/* SPDX-License-Identifier: MIT */
/*
 * The thread of the MQTT notifier against sockets that this test holds itself: nobody listens,
 * somebody listens and is silent, refuses, or talks nonsense, and one that is as much of a broker as
 * it takes to see birth and goodbye. A resolver that never answers, and a library that fails without
 * a reason, are put in the place of the real ones. The real broker comes in the lab tests.
 */
#include "tests/unit/test-mqtt-world.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/stat.h>

static const unsigned char CONNACK_NOT_AUTHORISED[] = {0x20, 2, 0, 5};

static sem_t resolver_entered, resolver_leave;

/* The resolver of this program: one name is never found, and never refused either. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret_list)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (strcmp(host, "stuck.test") == 0) {
		sem_post(&resolver_entered);
		sem_wait(&resolver_leave);
		return EAI_AGAIN;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(host, service, hints, ret_list);
}

static int waits;

int pthread_clockjoin_np(pthread_t thread, void **ret_value, clockid_t clock,
			 const struct timespec *until)
{
	int (*real)(pthread_t, void **, clockid_t, const struct timespec *);

	waits++;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_clockjoin_np");
	return real(thread, ret_value, clock, until);
}

static atomic_bool library_fails;

int mosquitto_loop_read(struct mosquitto *client, int packets)
{
	int (*real)(struct mosquitto *, int);

	if (library_fails) {
		errno = 0;
		return MOSQ_ERR_ERRNO;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "mosquitto_loop_read");
	return real(client, packets);
}

static void test_nobody_listens(void **state)
{
	(void)state;
	struct world *world = world_new();

	world_start(world); /* bound, but not listening */
	hear_trouble(world, "Connection refused");
	assert_int_equal(world->news.connections, 0);
	assert_true(mqtt_worker_finish(world->worker, false)); /* nobody to say goodbye to */
	world_free(world);
}

static void test_silent_listener(void **state)
{
	(void)state;
	struct world *world = world_new();

	assert_int_equal(listen(world->listener, 1), 0);
	world_start(world);
	take_call(world);
	hear(world);
	assert_int_equal(world->news.stage, MQTT_STAGE_CALLING);
	assert_true(mqtt_worker_finish(world->worker, false));
	world_free(world); /* does not wait for an answer */
}

static void test_refusal_and_nonsense(void **state)
{
	(void)state;
	need_tcp_info();
	static const char http[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
				   "Connection: close\r\n\r\nThis is no broker.\r\n";
	static const unsigned char huge[] = {0x30, 0xff, 0xff, 0xff, 0x7f};
	struct world *world = world_new();
	unsigned char packet[4096];

	assert_int_equal(listen(world->listener, 1), 0);
	world_start(world);
	take_call(world);
	take_packet(world, packet);
	assert_int_equal(packet[0], 0x10); /* CONNECT */
	say(world, CONNACK_NOT_AUTHORISED, sizeof(CONNACK_NOT_AUTHORISED));
	hear_trouble(world, "look at credential_file");
	close(world->peer);

	take_call(world);
	take_packet(world, packet);
	say(world, http, sizeof(http) - 1);
	hear_trouble(world, "does not speak MQTT");
	close(world->peer);

	take_call(world);
	take_packet(world, packet);
	close(world->peer);
	hear_trouble(world, "closed the connection");

	/* A packet of 256 MiB begins: nobody may wait for the rest of it, or keep it. */
	take_call(world);
	take_packet(world, packet);
	say(world, CONNACK_WELCOME, sizeof(CONNACK_WELCOME));
	say(world, huge, sizeof(huge));
	memset(packet, 'x', sizeof(packet));
	while (send(world->peer, packet, sizeof(packet), MSG_NOSIGNAL) > 0)
		;
	hear_trouble(world, "the broker sends more than");
	world_free(world);
}

static void test_birth_news_and_goodbye(void **state)
{
	(void)state;
	struct world *world = world_new();
	unsigned char packet[4096];

	assert_int_equal(listen(world->listener, 1), 0);
	world_start(world);
	put(world, MQTT_EVENT, "e1");
	put_sample(world, "{\"seq\":1}");
	put_sample(world, "{\"seq\":2}");
	take_call(world);
	take_packet(world, packet);
	/* MQTT 3.1.1; clean session; will: retained, QoS 1 */
	assert_memory_equal(packet + 2, "\0\4MQTT\4\x2e", 8);
	say(world, CONNACK_WELCOME, sizeof(CONNACK_WELCOME));
	expect_publish(world, 0x33, "p/i/availability", "online");
	expect_publish(world, 0x32, "p/i/event", "e1");
	expect_publish(world, 0x32, "p/i/state", "{\"seq\":2}"); /* QoS 1: the first one */
	expect_publish(world, 0x32, "p/i/history", "{\"seq\":1}");
	do
		hear(world);
	while (world->news.stage != MQTT_STAGE_CONNECTED);
	assert_string_equal(world->news.trouble, "");
	put(world, MQTT_WEIGHT, "w1");
	expect_publish(world, 0x33, "p/i/weight", "w1");
	put_sample(world, "{\"seq\":3}");
	expect_publish(world, 0x30, "p/i/state", "{\"seq\":3}"); /* and nobody confirms it */

	/* The connection breaks: all but the finished event is said again. */
	close(world->peer);
	hear_trouble(world, "closed the connection");
	put(world, MQTT_EVENT, "e2");
	put_sample(world, "{\"seq\":4}");
	take_call(world);
	take_packet(world, packet);
	say(world, CONNACK_WELCOME, sizeof(CONNACK_WELCOME));
	expect_publish(world, 0x33, "p/i/availability", "online");
	expect_publish(world, 0x33, "p/i/weight", "w1");
	expect_publish(world, 0x32, "p/i/event", "e2");
	expect_publish(world, 0x32, "p/i/state", "{\"seq\":4}");
	expect_publish(world, 0x32, "p/i/history", "{\"seq\":3}");
	do
		hear(world);
	while (world->news.stage != MQTT_STAGE_CONNECTED);
	assert_int_equal(world->news.connections, 2);

	assert_false(mqtt_worker_finish(world->worker, false));
	expect_publish(world, 0x33, "p/i/availability", "offline");
	assert_int_equal(take_packet(world, packet), 2);
	assert_int_equal(packet[0], 0xe0); /* DISCONNECT: no will */
	do
		hear(world);
	while (world->news.stage == MQTT_STAGE_CONNECTED);
	assert_true(mqtt_worker_finish(world->worker, false));
	assert_int_equal(world->news.waiting.events, 0);
	assert_int_equal(world->news.ring.samples, 0);
	assert_int_equal(world->news.history_sent, 2);
	world_free(world);
}

static void test_another_client_has_our_name(void **state)
{
	(void)state;
	static const unsigned char welcome[] = {0x20, 3, 0, 0, 0};
	static const unsigned char taken_over[] = {0xe0, 2, 142, 0};
	struct world *world = world_new();
	unsigned char packet[4096];

	assert_int_equal(listen(world->listener, 1), 0);
	world->protocol = MQTT_CONF_PROTOCOL_5;
	world_start(world);
	take_call(world);
	take_packet(world, packet);
	say(world, welcome, sizeof(welcome));
	take_packet(world, packet); /* "online" */
	say(world, taken_over, sizeof(taken_over));
	hear_trouble(world, "another client with the name hostingpi-test takes over the "
			    "connection: [agent] id must be unique");
	world_free(world);
}

static void test_large_message_ends_the_connection(void **state)
{
	(void)state;
	struct world *world = world_new();
	unsigned char packet[4096];
	char large[1500];

	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	assert_int_equal(listen(world->listener, 1), 0);
	world_start(world);
	put(world, MQTT_EVENT, large);
	put(world, MQTT_EVENT, "small");
	for (int i = 0; i < 2; i++) {
		take_call(world);
		take_packet(world, packet);
		say(world, CONNACK_WELCOME, sizeof(CONNACK_WELCOME));
		expect_publish(world, 0x33, "p/i/availability", "online");
		assert_true(take_packet(world, packet) >
			    sizeof(large)); /* alone, and not answered */
		close(world->peer);
		hear_trouble(world, "closed the connection");
	}
	take_call(world);
	take_packet(world, packet);
	say(world, CONNACK_WELCOME, sizeof(CONNACK_WELCOME));
	expect_publish(world, 0x33, "p/i/availability", "online");
	expect_publish(world, 0x32, "p/i/event", "small");
	do
		hear(world);
	while (world->news.stage != MQTT_STAGE_CONNECTED);
	assert_int_equal(world->news.withheld, 1);
	/* An operator who has raised the limit there. */
	mqtt_mail_hasten(mqtt_worker_mail(world->worker));
	expect_publish(world, 0x33, "p/i/availability", "online");
	expect_publish(world, 0x32, "p/i/event", large);
	world_free(world);
}

static void test_reload_ends_the_pause(void **state)
{
	(void)state;
	struct world *world = world_new();
	unsigned char packet[4096];

	world->reconnect_ns = 3600 * NS_PER_S; /* longer than any deadline here */
	world_start(world);
	hear_trouble(world, "Connection refused");
	assert_int_equal(listen(world->listener, 1), 0);
	do
		mqtt_mail_hasten(mqtt_worker_mail(world->worker));
	while (poll(&(struct pollfd){.fd = world->listener, .events = POLLIN}, 1, 10) != 1);
	take_call(world);
	take_packet(world, packet);
	assert_int_equal(packet[0], 0x10);
	world_free(world);
}

static void test_close_does_not_wait_for_the_resolver(void **state)
{
	(void)state;
	struct world *world = world_new();

	world->host = "stuck.test";
	world_start(world);
	sem_wait(&resolver_entered);
	waits = 0;
	mqtt_worker_close(world->worker); /* as for other settings: the loop goes on */
	assert_int_equal(waits, 0);
	assert_int_equal(count_threads(), 2);
	sem_post(&resolver_leave);
	await_threads(1);

	/* Only a process that is about to end has a moment for it. */
	world_start(world);
	sem_wait(&resolver_entered);
	assert_true(mqtt_worker_finish(world->worker, false));
	mqtt_worker_close(world->worker);
	assert_int_equal(waits, 1);
	sem_post(&resolver_leave);
	world->worker = NULL;
	world_free(world);
}

static void test_library_without_a_reason(void **state)
{
	(void)state;
	struct world *world = world_new();

	assert_int_equal(listen(world->listener, 1), 0);
	library_fails = true;
	world_start(world);
	hear_trouble(world, "closed the connection");
	library_fails = false;
	world_free(world);
}

static void write_login(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void expect_login(struct world *world, const char *name, const char *password)
{
	unsigned char packet[4096];
	size_t length, at;

	take_call(world);
	length = take_packet(world, packet);
	assert_int_equal(packet[0], 0x10);
	assert_int_equal(packet[9] & 0xc0, 0xc0); /* both are there, at the very end */
	at = length - strlen(password);
	assert_memory_equal(packet + at, password, strlen(password));
	at -= 2 + strlen(name);
	assert_memory_equal(packet + at, name, strlen(name));
}

static void test_login_is_read_for_each_call(void **state)
{
	(void)state;
	struct world *world = world_new();
	char path[] = "/tmp/hostingpi-test-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	assert_int_equal(listen(world->listener, 1), 0);
	world->credential_file = path;
	world_start(world);
	hear_trouble(world, "credential_file: /tmp/hostingpi-test-");
	assert_non_null(strstr(world->news.trouble, "No such file or directory; make it"));
	write_login(path, "password = eins\n", 0600);
	hear_trouble(world, "has no username: add the line");
	write_login(path, "username = pi\npassword = eins\n", 0640);
	hear_trouble(world, "run: chmod 600 /tmp/hostingpi-test-");
	assert_int_equal(chmod(path, 0600), 0);
	expect_login(world, "pi", "eins");
	say(world, CONNACK_NOT_AUTHORISED, sizeof(CONNACK_NOT_AUTHORISED));
	write_login(path, "username = other\npassword = zwei\n", 0600);
	close(world->peer);
	expect_login(world, "other", "zwei");
	unlink(path);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_silent_listener),
		cmocka_unit_test(test_refusal_and_nonsense),
		cmocka_unit_test(test_birth_news_and_goodbye),
		cmocka_unit_test(test_another_client_has_our_name),
		cmocka_unit_test(test_large_message_ends_the_connection),
		cmocka_unit_test(test_reload_ends_the_pause),
		cmocka_unit_test(test_close_does_not_wait_for_the_resolver),
		cmocka_unit_test(test_library_without_a_reason),
		cmocka_unit_test(test_login_is_read_for_each_call),
	};

	signal(SIGPIPE, SIG_IGN);
	sem_init(&resolver_entered, 0, 0);
	sem_init(&resolver_leave, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
