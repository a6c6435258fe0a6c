/* SPDX-License-Identifier: MIT */
/*
 * A hang-up reaches us as one of several errors, whichever call meets it first. It gets one text, or
 * the log would tell each time that the reason changed. Before the greeting it is also what a broker
 * does that was taken for another kind: the text then says what to look at.
 */
#include "notifiers/mqtt_fail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/sample.h"
#include "notifiers/mqtt_reason.h"
#include "notifiers/mqtt_tls.h"

int mqtt_fail(struct mqtt_link *link, const char *reason)
{
	text_copy(link->error, sizeof(link->error), reason);
	return -ECONNABORTED;
}

int mqtt_fail_hung_up(struct mqtt_link *link)
{
	link->hung_up = true;
	if (link->greeted)
		return mqtt_fail(link, "the broker closed the connection");
	if (link->conf->tls)
		return mqtt_fail(link, "the broker closed the connection before its greeting: does "
				       "it speak TLS on this port?");
	if (link->conf->v5)
		return mqtt_fail(link, "the broker closed the connection before its greeting: it "
				       "may want TLS (ca_file), or protocol = 3.1.1");
	return mqtt_fail(link, "the broker closed the connection before its greeting: it may want "
			       "TLS (ca_file)");
}

int mqtt_fail_not_mqtt(struct mqtt_link *link)
{
	if (link->greeted)
		return mqtt_fail(link, "the broker sent what is not MQTT");
	if (link->conf->v5)
		return mqtt_fail(link, "what answers there does not speak MQTT 5: is port right? "
				       "For an older broker set protocol = 3.1.1");
	if (link->conf->tls)
		return mqtt_fail(link, "what answers there does not speak MQTT: is port right?");
	return mqtt_fail(link, "what answers there does not speak MQTT: is port right? For TLS set "
			       "ca_file");
}

int mqtt_fail_guard(struct mqtt_link *link)
{
	if (!link->greeted)
		return mqtt_fail_not_mqtt(link);
	if (link->conf->incoming_bytes_s)
		return mqtt_fail(link, "the broker sends more than the subscription can bring: is "
				       "there a large message on its topic?");
	return mqtt_fail(link,
			 "what answers there does not speak MQTT: it sends what nobody asked for");
}

int mqtt_fail_errno(struct mqtt_link *link, int error)
{
	if (error == ECONNRESET || error == EPIPE)
		return mqtt_fail_hung_up(link);
	return mqtt_fail(link, strerrordesc_np(error));
}

int mqtt_fail_tls(struct mqtt_link *link)
{
	const struct mqtt_tls_failure failure = {
		.said = link->library_said,
		.verify_result = link->verify_result,
		.psk = link->conf->psk[0] != '\0',
		.certificate = link->conf->cert_file[0] != '\0',
		.key_locked = link->key_locked,
		.version_minor = link->conf->tls_version_minor,
	};
	char text[sizeof(link->library_said) + 8];

	if (mqtt_tls_explain(&failure, text, sizeof(text)))
		return mqtt_fail(link, text);
	if (!link->library_said[0] || strstr(link->library_said, "unexpected eof"))
		return mqtt_fail_hung_up(link);
	snprintf(text, sizeof(text), "TLS: %s", link->library_said);
	return mqtt_fail(link, text);
}

int mqtt_fail_said(struct mqtt_link *link)
{
	char text[MQTT_REASON_SIZE];

	if (link->refusal)
		mqtt_reason_connack(link->conf->v5, link->refusal, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "the broker ended the connection: %s",
			 mqtt_reason_words(link->farewell));
	return mqtt_fail(link, text);
}
