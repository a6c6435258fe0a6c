/* SPDX-License-Identifier: MIT */
/*
 * A server that does not know the pre-shared key shows a certificate instead, which TLS 1.3 allows
 * and libmosquitto 2.0.11 does not verify. It must not get a single byte, not even when the whole
 * handshake is through within the first call of the library: here it always is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "notifiers/mqtt_link.h"

#define STEPS 400

static const unsigned char PSK[] = {0xc0, 0xff, 0xee, 0x42, 0xc0, 0xff, 0xee, 0x42,
				    0xc0, 0xff, 0xee, 0x42, 0xc0, 0xff, 0xee, 0x42};

/* Of this program: waits for the other side until the handshake is through or has failed. */
int SSL_connect(SSL *ssl)
{
	int (*real)(SSL *), result;

	*(void **)&real = dlsym(RTLD_NEXT, "SSL_connect");
	for (int i = 0; i < STEPS; i++) {
		struct pollfd fd = {.fd = SSL_get_fd(ssl), .events = POLLIN};
		result = real(ssl);
		if (result == 1 || SSL_get_error(ssl, result) == SSL_ERROR_SSL)
			break;
		poll(&fd, 1, 50);
	}
	return result;
}

struct server {
	int listener, port;
	SSL_CTX *context;
	pthread_t thread;
	int got; /* bytes behind the handshake */
};

static void make_certificate(SSL_CTX *context)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();

	assert_non_null(key);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	assert_int_equal(X509_set_pubkey(certificate, key), 1);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static unsigned int know_psk(SSL *ssl, const char *identity, unsigned char *psk, unsigned int size)
{
	(void)ssl;
	if (strcmp(identity, "pi") != 0 || size < sizeof(PSK))
		return 0;
	memcpy(psk, PSK, sizeof(PSK));
	return sizeof(PSK);
}

static void *serve(void *context)
{
	struct server *server = context;
	int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
	SSL *ssl = SSL_new(server->context);
	char bytes[256];

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		server->got = SSL_read(ssl, bytes, sizeof(bytes));
	SSL_free(ssl);
	close(fd);
	return NULL;
}

static void server_start(struct server *server, bool knows_psk, int version)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	socklen_t length = sizeof(address);

	*server = (struct server){.context = SSL_CTX_new(TLS_server_method())};
	server->listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server->listener, 1), 0);
	assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &length), 0);
	server->port = ntohs(address.sin6_port);
	SSL_CTX_set_min_proto_version(server->context, version);
	SSL_CTX_set_max_proto_version(server->context, version);
	if (knows_psk)
		SSL_CTX_set_psk_server_callback(server->context, know_psk);
	else
		make_certificate(server->context);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void on_acknowledged(void *context, int number)
{
	(void)context;
	(void)number;
}

/* Calls, goes on until the link ends, and hangs up. Leaves the reason in link. */
static void call(const struct server *server, struct mqtt_link *link)
{
	static struct mqtt_link_conf conf;
	const struct mqtt_address address = {.family = AF_INET6, .literal = "::1"};
	int result;

	conf = (struct mqtt_link_conf){
		.host = "::1",
		.port = server->port,
		.keepalive_s = 30,
		.client_id = "c",
		.will_topic = "w",
		.will = "off",
		.username = "u",
		.password = "secret",
		.tls = true,
		.ca_file = "",
		.ca_path = "",
		.cert_file = "",
		.key_file = "",
		.psk_identity = "pi",
		.psk = "c0ffee42c0ffee42c0ffee42c0ffee42",
		.tls_version_minor = 2,
	};
	*link = (struct mqtt_link){.acknowledged = on_acknowledged};
	result = mqtt_link_open(link, &conf, &address, 0);
	for (int i = 0; i < STEPS && result == 0; i++) {
		struct pollfd fd = {.fd = link->fd};
		int timeout_ms;
		fd.events = mqtt_link_events(link, 0, &timeout_ms);
		poll(&fd, 1, timeout_ms < 50 ? timeout_ms : 50);
		result = mqtt_link_step(link, fd.revents, 0);
	}
	assert_int_equal(result, -ECONNABORTED);
	mqtt_link_close(link);
}

static void server_end(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR); /* nobody may have called */
	pthread_join(server->thread, NULL);
	close(server->listener);
	SSL_CTX_free(server->context);
}

static void test_stranger_gets_nothing(void **state)
{
	(void)state;
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct mqtt_link link;
	struct server server;

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		server_start(&server, false, versions[i]);
		call(&server, &link);
		server_end(&server);
		assert_true(server.got <= 0);
		assert_non_null(strstr(link.error, "TLS: "));
		assert_non_null(strstr(link.error, "certificate"));
	}
}

static void test_who_knows_the_key_gets_connect(void **state)
{
	(void)state;
	struct mqtt_link link;
	struct server server;

	server_start(&server, true, TLS1_2_VERSION);
	call(&server, &link);
	server_end(&server);
	assert_true(server.got > 14); /* CONNECT; then it hung up */
	assert_true(link.trusted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stranger_gets_nothing),
		cmocka_unit_test(test_who_knows_the_key_gets_connect),
	};
	int result;

	signal(SIGPIPE, SIG_IGN);
	if (mqtt_link_library_open() < 0)
		return 1;
	result = cmocka_run_group_tests(tests, NULL, NULL);
	mqtt_link_library_close();
	return result;
}
