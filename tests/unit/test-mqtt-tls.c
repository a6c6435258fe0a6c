/* SPDX-License-Identifier: MIT */
/* What OpenSSL and libmosquitto say when TLS fails, in words that say what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/x509_vfy.h>

#include "notifiers/mqtt_link.h"
#include "notifiers/mqtt_tls.h"

#define ERROR(number, text) "OpenSSL Error[0]: error:" number ":SSL routines::" text

static const struct {
	struct mqtt_tls_failure failure;
	const char *sentence; /* NULL: not known */
} cases[] = {
	{{.said = ERROR("0A000086", "certificate verify failed"),
	  .verify_result = X509_V_ERR_CERT_HAS_EXPIRED},
	 "has expired: renew it"},
	{{.said = ERROR("0A000086", "certificate verify failed"),
	  .verify_result = X509_V_ERR_CERT_NOT_YET_VALID},
	 "is the clock of this Pi right?"},
	{{.said = ERROR("0A000086", "certificate verify failed"),
	  .verify_result = X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN},
	 "is not signed by ca_file or ca_path"},
	{{.said = ERROR("0A000086", "certificate verify failed"),
	  .verify_result = X509_V_ERR_EE_KEY_TOO_SMALL},
	 "certificate is refused: EE certificate key too weak"},
	{{.said = ERROR("0A000086", "certificate verify failed"), .verify_result = X509_V_OK},
	 "certificate cannot be verified"},
	{{.said = "Error: host name verification failed.; " ERROR("0A000086",
								  "certificate verify failed")},
	 "certificate is for another name: set host"},
	{{.said = ERROR("0A000410", "sslv3 alert handshake failure")},
	 "may want a client certificate"},
	{{.said = ERROR("0A000410", "sslv3 alert handshake failure"), .psk = true},
	 "does not know psk_identity, or wants certificates instead"},
	{{.said = ERROR("0A000410", "sslv3 alert handshake failure"), .certificate = true}, NULL},
	{{.said = ERROR("0A00045C", "tlsv13 alert certificate required")},
	 "wants a client certificate: set cert_file and key_file"},
	{{.said = ERROR("0A000418", "tlsv1 alert unknown ca"), .certificate = true},
	 "does not know the CA that signed cert_file"},
	{{.said = ERROR("0A000414", "sslv3 alert certificate revoked"), .certificate = true},
	 "cert_file was revoked"},
	{{.said = ERROR("0A000412", "sslv3 alert bad certificate"), .certificate = true},
	 "does not accept cert_file"},
	{{.said = ERROR("0A00045B", "tlsv1 alert unknown psk identity"), .psk = true},
	 "does not know psk_identity"},
	{{.said = ERROR("0A000417", "sslv3 alert illegal parameter"), .psk = true},
	 "has another key for psk_identity"},
	{{.said = ERROR("0A0003FC", "sslv3 alert bad record mac"), .psk = true},
	 "has another key for psk_identity"},
	{{.said = ERROR("0A00042E", "tlsv1 alert protocol version"), .version_minor = 3},
	 "does not offer TLS 1.3: set tls_version = 1.2"},
	{{.said = ERROR("0A000102", "unsupported protocol"), .version_minor = 2},
	 "does not offer TLS 1.2 or later"},
	{{.said = ERROR("0A00042E", "tlsv1 alert protocol version"),
	  .version_minor = 2,
	  .psk = true},
	 "does not offer TLS 1.2, which psk needs: allow it there, or set certificates"},
	{{.said = ERROR("0A00010B", "wrong version number")}, "is port right?"},
	{{.said = "", .key_locked = true}, "key_file is locked with a password"},
	{{.said = "Error: Unable to load client key file \"/k\".; " ERROR("0B080074",
									  "key values mismatch")},
	 "key_file is not the key of cert_file"},
	{{.said = "something new"}, NULL},
	{{.said = ""}, NULL},
};

static void test_words(void **state)
{
	(void)state;
	char text[1024];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text[0] = '\0';
		assert_int_equal(mqtt_tls_explain(&cases[i].failure, text, sizeof(text)),
				 cases[i].sentence != NULL);
		if (cases[i].sentence && !strstr(text, cases[i].sentence))
			fail_msg("%s: said \"%s\"", cases[i].failure.said, text);
		/* Nothing is cut later. */
		assert_true(strlen(text) < MQTT_REASON_SIZE);
	}
}

static void test_nothing_was_negotiated(void **state)
{
	(void)state;

	assert_int_equal(mqtt_tls_psk_proof(NULL), MQTT_TLS_PENDING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_nothing_was_negotiated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
