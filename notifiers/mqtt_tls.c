/* SPDX-License-Identifier: MIT */
/*
 * libmosquitto hides two things. It says that a certificate was not verified, but not why, and "has
 * expired", "is not valid yet" (a Pi without clock) and "of another CA" have different remedies: the
 * verdict is asked of OpenSSL. And up to 2.0.11 a client with a pre-shared key still offers TLS 1.3,
 * where a server that does not know the key may show any certificate instead, which that client does
 * not verify (2.0.12 switches TLS 1.3 off for it): so nothing is sent before the handshake has been
 * looked at.
 *
 * What the other side says comes as the text of an alert (RFC 8446, section 6.2). The texts are
 * OpenSSL's and have been the same since 1.1.
 */
#include "notifiers/mqtt_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>
#include <stdio.h>
#include <string.h>

long mqtt_tls_verify_result(void *ssl)
{
	return SSL_get_verify_result(ssl);
}

enum mqtt_tls_proof mqtt_tls_psk_proof(void *ssl)
{
	if (!ssl || !SSL_is_init_finished(ssl))
		return MQTT_TLS_PENDING;
	/* Without the key there is no way through a handshake but with a certificate: anonymous
	 * ciphers are not in our list, and TLS 1.3 has none. */
	return SSL_get0_peer_certificate(ssl) ? MQTT_TLS_STRANGER : MQTT_TLS_PROVEN;
}

/* Certificates that nothing but another CA file can mend. */
static bool is_other_ca(long result)
{
	switch (result) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return true;
	default: /* not our enum */
		return false;
	}
}

static void explain_certificate(long result, char *ret_text, size_t size)
{
	if (is_other_ca(result))
		snprintf(ret_text, size,
			 "TLS: the broker's certificate is not signed by ca_file or ca_path: get "
			 "the certificate of the CA that signed it");
	else if (result == X509_V_ERR_CERT_HAS_EXPIRED)
		snprintf(ret_text, size,
			 "TLS: the broker's certificate, or that of its CA, has expired: renew it");
	else if (result == X509_V_ERR_CERT_NOT_YET_VALID)
		snprintf(ret_text, size,
			 "TLS: the broker's certificate is not valid yet: is the clock of this Pi "
			 "right?");
	else if (result == X509_V_OK) /* the verdict was gone before it could be asked for */
		snprintf(ret_text, size, "TLS: the broker's certificate cannot be verified");
	else
		snprintf(ret_text, size, "TLS: the broker's certificate is refused: %s",
			 X509_verify_cert_error_string(result));
}

/* Whom a sentence is for: what we show to the broker changes what its alert means. */
enum shown {
	ANYTHING,
	NO_CERTIFICATE,
	A_CERTIFICATE,
	A_PSK,
};

/* The first row that matches counts. */
static const struct {
	const char *said;
	enum shown shown;
	const char *text;
} rows[] = {
	{"host name verification", ANYTHING,
	 "the broker's certificate is for another name: set host to a name that is in it"},
	/* Found before anything is sent. */
	{"Unable to load CA certificates", ANYTHING,
	 "ca_file has no certificate (PEM) in it, or one that is damaged"},
	{"Unable to load client certificate", ANYTHING,
	 "cert_file has no certificate (PEM) in it, or one that is damaged"},
	{"key values mismatch", ANYTHING, "key_file is not the key of cert_file"},
	{"certificate/key are inconsistent", ANYTHING, "key_file is not the key of cert_file"},
	{"Unable to load client key", ANYTHING, "key_file has no key (PEM) in it that can be used"},
	/* Alerts, and how OpenSSL takes what is no TLS. */
	{"alert unknown psk identity", ANYTHING,
	 "the broker does not know psk_identity of credential_file"},
	/* TLS 1.3: OpenSSL's answer to a binder that does not verify. */
	{"alert illegal parameter", A_PSK,
	 "the broker has another key for psk_identity: look at psk in credential_file"},
	{"alert decrypt error", A_PSK,
	 "the broker has another key for psk_identity: look at psk in credential_file"},
	{"alert bad record mac", A_PSK,
	 "the broker has another key for psk_identity: look at psk in credential_file"},
	{"alert handshake failure", A_PSK,
	 "the broker does not know psk_identity, or wants certificates instead: ca_file"},
	{"alert certificate required", ANYTHING,
	 "the broker wants a client certificate: set cert_file and key_file"},
	{"alert handshake failure", NO_CERTIFICATE,
	 "the broker refuses the handshake: it may want a client certificate (cert_file, "
	 "key_file)"},
	{"alert unknown ca", A_CERTIFICATE,
	 "the broker does not know the CA that signed cert_file"},
	{"alert certificate expired", A_CERTIFICATE, "cert_file has expired: renew it"},
	{"alert certificate revoked", A_CERTIFICATE, "cert_file was revoked: get another one"},
	{"alert bad certificate", A_CERTIFICATE, "the broker does not accept cert_file"},
	{"alert certificate unknown", A_CERTIFICATE, "the broker does not accept cert_file"},
	{"alert unsupported certificate", A_CERTIFICATE, "the broker does not accept cert_file"},
	{"alert unrecognized name", ANYTHING, "the broker does not know the name in host"},
	{"wrong version number", ANYTHING, "what answers there does not speak TLS: is port right?"},
	{"packet length too long", ANYTHING,
	 "what answers there does not speak TLS: is port right?"},
};

static bool matches(enum shown shown, const struct mqtt_tls_failure *failure)
{
	switch (shown) {
	case ANYTHING:
		return true;
	case NO_CERTIFICATE:
		return !failure->certificate && !failure->psk;
	case A_CERTIFICATE:
		return failure->certificate;
	case A_PSK:
		return failure->psk;
	}
	return false;
}

bool mqtt_tls_explain(const struct mqtt_tls_failure *failure, char *ret_text, size_t size)
{
	const char *said = failure->said;

	if (failure->key_locked) {
		snprintf(ret_text, size,
			 "TLS: key_file is locked with a password, and nobody is here to type it: "
			 "unlock it with openssl pkey");
		return true;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strstr(said, rows[i].said) && matches(rows[i].shown, failure)) {
			snprintf(ret_text, size, "TLS: %s", rows[i].text);
			return true;
		}
	}
	if (strstr(said, "certificate verify failed")) {
		explain_certificate(failure->verify_result, ret_text, size);
		return true;
	}
	/* The first is said by the broker of us, the other two by OpenSSL here of the broker. */
	if (strstr(said, "alert protocol version") || strstr(said, "unsupported protocol") ||
	    strstr(said, "no protocols available")) {
		/* libmosquitto 2.0.21 (Debian 13) offers nothing later together with a key. */
		if (failure->psk && failure->version_minor == 2) {
			snprintf(
				ret_text, size,
				"TLS: the broker does not offer TLS 1.2, which psk needs: allow it "
				"there, or set certificates (ca_file) instead of psk");
			return true;
		}
		snprintf(ret_text, size, "TLS: the broker does not offer TLS 1.%d%s",
			 failure->version_minor,
			 failure->version_minor == 3 ? ": set tls_version = 1.2 or renew the broker"
						     : " or later: it needs a newer one");
		return true;
	}
	return false;
}

static int on_key_password(char *buffer, int size, int writing, void *locked)
{
	(void)buffer;
	(void)size;
	(void)writing;
	*(bool *)locked = true;
	return 0;
}

static bool has_expired(const SSL_CTX *context)
{
	const X509 *certificate = SSL_CTX_get0_certificate(context);

	/* NULL: now. */
	return certificate && X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0;
}

/* Returns what is wrong with the file that *ret_key and *ret_path then name, or NULL. */
static const char *find_fault(SSL_CTX *context, const struct mqtt_tls_files *files,
			      const char **ret_key, const char **ret_path)
{
	bool locked = false;

	SSL_CTX_set_default_passwd_cb(context, on_key_password);
	SSL_CTX_set_default_passwd_cb_userdata(context, &locked);
	*ret_key = "ca_file";
	*ret_path = files->ca;
	if (files->ca[0] && SSL_CTX_load_verify_file(context, files->ca) != 1)
		return "it has no certificate (PEM) in it, or one that is damaged";
	if (!files->certificate[0])
		return NULL;
	*ret_key = "cert_file";
	*ret_path = files->certificate;
	if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
		return "it has no certificate (PEM) in it, or one that is damaged";
	if (has_expired(context))
		return "it has expired: renew it";
	*ret_key = "key_file";
	*ret_path = files->key;
	if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) == 1)
		return NULL;
	if (locked)
		return "it is locked with a password, and the daemon has nobody to ask: unlock it "
		       "with openssl pkey";
	if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
	    ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH)
		return "it is not the key of cert_file";
	return "it has no key (PEM) in it that can be used";
}

bool mqtt_tls_try(const struct mqtt_tls_files *files, const char **ret_key, char *ret_sentence,
		  size_t size)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	const char *path, *fault = context ? find_fault(context, files, ret_key, &path) : NULL;

	SSL_CTX_free(context);
	ERR_clear_error();
	if (fault)
		snprintf(ret_sentence, size, "%s: %s", path, fault);
	return !fault;
}
