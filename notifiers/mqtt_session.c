/* SPDX-License-Identifier: MIT */
/*
 * As long as a connection stands, messages are carried from the mail to the library, which is given one
 * only when it has got rid of the last. So nothing piles up there, neither while disconnected nor
 * while the broker does not read.
 *
 * A message of a size that this broker never acknowledged goes alone (mqtt_suspect.h): it is held here
 * until nothing else is in flight, and nothing follows it until its PUBACK. That costs some round trips at the
 * first connection and none later.
 */
#include "notifiers/mqtt_session.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "agent/log.h"
#include "agent/sample.h"
#include "agent/units.h"

/*
 * A broker that takes messages but does not acknowledge one for that long is left. There is always
 * one that waits (mqtt_queue.c). As with pings, which the library sends after one keepalive and gives up after
 * another; but a busy broker's disk gets its time.
 */
#define SILENCE_KEEPALIVES 2
#define SILENCE_LEAST_NS (20 * NS_PER_S)
/* At the end: for messages that still wait; the rest of the caller's 3 s is for "offline". */
#define FLUSH_NS (NS_PER_S / 2)
#define FLUSH_STEP_MS 50

short mqtt_wait(struct mqtt_mail *mail, int fd, short events, int64_t timeout_ms)
{
	struct pollfd fds[] = {
		{.fd = mail->wake_fd, .events = POLLIN},
		{.fd = fd, .events = events},
	};

	if (poll(fds, 2, (int)timeout_ms) <= 0)
		return 0;
	if (fds[0].revents)
		mqtt_mail_hush(mail->wake_fd);
	return fds[1].revents;
}

static void on_acknowledged(void *context, int number)
{
	struct mqtt_session *session = context;

	if (!mqtt_mail_acknowledged(session->mail, number))
		return;
	session->flying--;
	session->answered_ns = mqtt_clock_ns();
	if (session->suspect.probe && number == session->probe_number)
		mqtt_suspect_taken(&session->suspect);
}

static void on_refused(void *context, int number, const char *reason)
{
	struct mqtt_session *session = context;
	enum mqtt_topic topic = number ? mqtt_mail_refused(session->mail, number) : MQTT_TOPICS;
	unsigned bit = 1u << topic;

	if (session->refusals_told & bit)
		return;
	session->refusals_told |= bit;
	if (number)
		log_warning("mqtt: the broker does not take messages for topic %s: %s",
			    topic < MQTT_DISCOVERY ? mqtt_topic_kinds[topic].leaf : "discovery",
			    reason);
	else
		log_warning("mqtt: the broker does not let us subscribe below %s: %s; restarts of "
			    "Home Assistant are not seen",
			    session->conf->settings.discovery_prefix, reason);
}

static void on_received(void *context, const char *topic, const char *data, size_t length,
			bool retained)
{
	struct mqtt_session *session = context;

	mqtt_assistant_received(&session->assistant, topic, data, length, retained,
				mqtt_clock_ns());
}

/* Takes the next message out of the mail. False if there is none that can be sent. */
static bool take(struct mqtt_session *session, int64_t now_ns)
{
	struct mqtt_message *message = &session->message;

	while (mqtt_mail_take(session->mail, now_ns, message, session->buffer, &session->due_ns)) {
		if (message->topic != MQTT_DISCOVERY)
			return true;
		message->length = mqtt_assistant_make(&session->assistant, message->item);
		if (message->length >= 0)
			return true;
	}
	if (session->flying == MQTT_IN_FLIGHT ||
	    !mqtt_assistant_next_leftover(&session->assistant, now_ns))
		return false;
	*message = (struct mqtt_message){.topic = MQTT_DISCOVERY, .qos = 1}; /* empty */
	return true;
}

static struct mqtt_post describe_post(const struct mqtt_session *session)
{
	const struct mqtt_message *message = &session->message;
	bool discovery = message->topic == MQTT_DISCOVERY;
	bool expires = message->topic == MQTT_STATE || message->topic == MQTT_HISTORY ||
		       message->topic == MQTT_EVENT;

	return (struct mqtt_post){
		.topic = discovery ? session->assistant.topic
				   : session->conf->topics[message->topic],
		.data = discovery ? session->assistant.document : session->buffer,
		.length = message->length,
		.qos = message->qos,
		.retain = mqtt_topic_kinds[message->topic].retain,
		.expiry_s =
			expires ? (uint32_t)(session->conf->settings.message_expiry / NS_PER_S) : 0,
		.json = message->topic != MQTT_AVAILABILITY && message->length,
	};
}

static void tell_limit(struct mqtt_session *session)
{
	/* Documents differ by a few bytes from sample to sample: that is no other limit. */
	bool told = session->limit_told &&
		    session->suspect.limit >= session->limit_told - session->limit_told / 8;

	if (told)
		return;
	session->limit_told = session->suspect.limit;
	log_warning("mqtt: the broker takes no message as large as ours: nothing of %zu bytes and "
		    "more is sent on this connection; raise the limit of the broker (mosquitto: "
		    "max_packet_size)",
		    session->suspect.limit);
}

/* Sends what is held. Returns 0, 1 if it must wait, or -ECONNABORTED. */
static int send_held(struct mqtt_session *session, int64_t now_ns)
{
	struct mqtt_post post = describe_post(session);
	size_t size = strlen(post.topic) + (size_t)post.length;
	bool unproven = mqtt_suspect_unproven(&session->suspect, size), withheld;
	int number, result = 0;

	withheld = mqtt_suspect_withholds(&session->suspect, size);
	if (!withheld) {
		if (unproven && session->flying)
			return 1;
		if (unproven)
			post.qos = session->message.qos = 1;
		result = mqtt_link_publish(&session->link, &post, &number);
	}
	session->held = false;
	mqtt_assistant_drop(&session->assistant);
	if (result == -EMSGSIZE) {
		mqtt_suspect_refused(&session->suspect, size, now_ns);
		tell_limit(session);
		withheld = true;
	}
	if (withheld) {
		mqtt_mail_withheld(session->mail, &session->message);
		return 0;
	}
	if (result < 0)
		return result;
	mqtt_mail_sent(session->mail, &session->message, number);
	if (!session->message.qos)
		return 0;
	if (!session->flying++)
		session->answered_ns = now_ns;
	if (unproven) {
		session->probe_number = number;
		mqtt_suspect_probe(&session->suspect, session->message.topic, size);
	}
	return 0;
}

/* Carries messages to the library as long as it gets rid of them. */
static int carry(struct mqtt_session *session, int64_t now_ns)
{
	int64_t silence_ns = SILENCE_KEEPALIVES * session->conf->settings.keepalive;
	int result = 0;

	while (result == 0 && mqtt_link_idle(&session->link) && !session->suspect.probe) {
		if (!session->held)
			session->held = take(session, now_ns);
		if (!session->held)
			break;
		result = send_held(session, now_ns);
	}
	if (result < 0)
		return result;
	if (silence_ns < SILENCE_LEAST_NS)
		silence_ns = SILENCE_LEAST_NS;
	if (session->flying && now_ns - session->answered_ns >= silence_ns) {
		text_copy(session->link.error, sizeof(session->link.error),
			  "the broker does not acknowledge messages");
		return -ECONNABORTED;
	}
	return 0;
}

/* Nothing that went out counts any more. */
static void forget(struct mqtt_session *session)
{
	session->held = false;
	mqtt_assistant_drop(&session->assistant);
	session->flying = 0;
	session->due_ns = INT64_MAX;
	mqtt_mail_restart(session->mail);
}

/* What comes up while it stands: an operator who had a reload done, Home Assistant, time. */
static int attend(struct mqtt_session *session, int64_t now_ns)
{
	bool hasten;

	/* The PUBACK of what goes alone must find it: until then nothing is forgotten. */
	if (session->suspect.probe)
		return mqtt_assistant_attend(&session->assistant, now_ns);
	hasten = atomic_exchange(&session->mail->hasten, false);
	if (hasten)
		mqtt_assistant_hearken(&session->assistant);
	if (mqtt_suspect_lift(&session->suspect, now_ns, hasten))
		forget(session);
	return mqtt_assistant_attend(&session->assistant, now_ns);
}

/* The way out: what waits, for a moment, then "offline", over a hand-over without that. True when all is done. */
static bool say_goodbye(struct mqtt_session *session, int64_t now_ns)
{
	if (!session->finish_ns)
		session->finish_ns = now_ns;
	bool hurry = now_ns - session->finish_ns >= FLUSH_NS;

	return atomic_load(&session->mail->discreet) ? hurry || mqtt_mail_empty(session->mail)
						     : mqtt_mail_sign_off(session->mail, hurry);
}

/* How long to wait at most: what the link wants, or less. */
static int64_t shorten(const struct mqtt_session *session, int64_t now_ns, int64_t timeout_ms)
{
	int64_t due_ns = session->due_ns;

	if (session->assistant.repeat_ns < due_ns)
		due_ns = session->assistant.repeat_ns;
	if (session->finish_ns && timeout_ms > FLUSH_STEP_MS)
		timeout_ms = FLUSH_STEP_MS;
	/* What is due must wait for what cannot leave just now: for a PUBACK, or room in the kernel. */
	if (due_ns <= now_ns)
		return session->held || session->suspect.probe || !mqtt_link_idle(&session->link)
			       ? timeout_ms
			       : 0;
	if (due_ns - now_ns < timeout_ms * NS_PER_MS)
		timeout_ms = (due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return timeout_ms;
}

int64_t mqtt_session_run(struct mqtt_session *session, const struct mqtt_address *address)
{
	struct mqtt_link *link = &session->link;
	int64_t now_ns = mqtt_clock_ns(), since_ns = 0;
	int result = mqtt_link_open(link, &session->link_conf, address, now_ns);
	bool said = false;

	session->due_ns = INT64_MAX;
	session->limit_told = 0;
	while (result == 0 && !atomic_load(&session->mail->quit)) {
		int timeout_ms;
		short events = mqtt_link_events(link, now_ns, &timeout_ms), revents;

		revents = mqtt_wait(session->mail, link->fd, events,
				    shorten(session, now_ns, timeout_ms));
		now_ns = mqtt_clock_ns();
		result = mqtt_link_step(link, revents, now_ns);
		if (result < 0)
			break;
		if (link->phase != MQTT_LINK_UP) {
			if (atomic_load(&session->mail->finish))
				break;
			continue;
		}
		if (!since_ns) {
			since_ns = now_ns;
			mqtt_suspect_began(&session->suspect);
			mqtt_mail_tell(session->mail, MQTT_STAGE_CONNECTED, address->text, "");
			result = mqtt_assistant_begin(&session->assistant, now_ns);
		}
		if (result == 0)
			result = attend(session, now_ns);
		said = atomic_load(&session->mail->finish) && say_goodbye(session, now_ns);
		if (said)
			break;
		if (result == 0)
			result = carry(session, now_ns);
	}
	/*
	 * It is the DISCONNECT that keeps the broker from saying "offline" for us. Over a hand-over it must not,
	 * also if there was no time to wait, or if the connection came up just now.
	 */
	if (result == 0 && (said || atomic_load(&session->mail->discreet)))
		mqtt_link_goodbye(link);
	if (result == 0)
		link->error[0] = '\0';
	if (since_ns && link->guard.broken)
		mqtt_assistant_deafen(&session->assistant, now_ns);
	mqtt_link_close(link);
	forget(session);
	return since_ns ? now_ns - since_ns + 1 : 0;
}

struct mqtt_discovery mqtt_session_discovery(const struct mqtt_worker_conf *conf,
					     const struct about *about)
{
	return (struct mqtt_discovery){
		.about = about,
		.prefix = conf->settings.discovery_prefix,
		.availability_topic = conf->topics[MQTT_AVAILABILITY],
		.state_topic = conf->topics[MQTT_STATE],
		.weight_topic = conf->topics[MQTT_WEIGHT],
		.event_topic = conf->topics[MQTT_EVENT],
		.interval_ms = about ? about->interval_ms : 0,
	};
}

void mqtt_session_init(struct mqtt_session *session, const struct mqtt_worker_conf *conf,
		       struct mqtt_mail *mail)
{
	const struct mqtt_discovery discovery = mqtt_session_discovery(conf, NULL);

	session->conf = conf;
	session->mail = mail;
	session->link_conf = mqtt_link_describe(&conf->settings, &session->login);
	session->link_conf.client_id = conf->client_id;
	session->link_conf.will_topic = conf->topics[MQTT_AVAILABILITY];
	session->link_conf.will = MQTT_OFFLINE;
	session->link_conf.incoming_bytes_s = MQTT_ASSISTANT_BYTES_S;
	session->link.acknowledged = on_acknowledged;
	session->link.refused = on_refused;
	session->link.received = on_received;
	session->link.context = session;
	mqtt_assistant_init(&session->assistant, (enum mqtt_conf_discovery)conf->settings.discovery,
			    &discovery, mail, &session->link, conf->seed);
}
