/* SPDX-License-Identifier: MIT */
/*
 * `hostingpictl forget`: removes what the broker keeps of one id. It looks (subscribes and takes what
 * comes at once), sends an empty retained message for each topic, and looks again, because with MQTT
 * 3.1.1 a broker acknowledges also what its access rules made it throw away. Who is still sending would
 * only announce itself anew: that is refused.
 *
 * Nothing in MQTT says that all retained messages have come. They are sent right behind the answer to
 * the subscription, so silence for a second is taken for the end; should more come later, the next look
 * finds it.
 */
#include "notifiers/ctl_commands.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/document.h"
#include "agent/ctl/text.h"
#include "agent/identity.h"
#include "agent/sample.h"
#include "notifiers/ctl_broker.h"
#include "notifiers/ctl_retained.h"
#include "notifiers/mqtt_queue.h"

#define QUIET_NS NS_PER_S
/* A look, or the acknowledgement of a message, that takes longer does not come to an end. */
#define PATIENCE_NS (30 * NS_PER_S)
#define STEP_MS 100
/* The first one, the one that should find nothing, and one for what came late. */
#define LOOKS 3

struct forget {
	const struct ctl_options *options;
	struct ctl_broker broker;
	struct retained retained;
	struct identity identity;
	int64_t news_ns; /* when something came last that we wait for */
	unsigned flying;
	char refusal[RETAINED_REASON_SIZE]; /* of a subscription */
	char socket[sizeof(((struct agent_conf *)0)->run_dir) + 16];
};

static void on_received(void *context, const char *topic, const char *data, size_t length,
			bool kept)
{
	struct forget *forget = context;

	if (retained_take(&forget->retained, topic, data, length, kept))
		forget->news_ns = ctl_broker_now_ns();
}

static void on_acknowledged(void *context, int number)
{
	struct forget *forget = context;
	struct retained_topic *topic = retained_flying(&forget->retained, number);

	if (topic == NULL)
		return;
	topic->number = 0;
	forget->flying--;
	forget->news_ns = ctl_broker_now_ns();
}

static void on_refused(void *context, int number, const char *reason)
{
	struct forget *forget = context;
	struct retained_topic *topic = retained_flying(&forget->retained, number);

	if (number == 0)
		text_copy(forget->refusal, sizeof(forget->refusal), reason);
	else if (topic != NULL)
		text_copy(topic->reason, sizeof(topic->reason), reason);
}

__attribute__((format(printf, 2, 3))) static enum ctl_exit fail(enum ctl_exit code,
								const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return ctl_fail(code, text);
}

static enum ctl_exit fail_broker(const struct forget *forget)
{
	return fail(CTL_ABSENT, "broker %s: %s", forget->broker.name, forget->broker.error);
}

/* Which id is meant: the one that was said, or the one that the daemon would take here. */
static enum ctl_exit find_id(struct forget *forget)
{
	const char *given = forget->options->id;
	int root_fd;

	if (given != NULL) {
		if (!retained_id_valid(given))
			return fail(CTL_USAGE,
				    "--id takes one id: letters, digits, '-' and '_' only, 63 "
				    "at most, not '%s'",
				    given);
		forget->retained.id = given;
		return CTL_FINE;
	}
	root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return fail(CTL_FAILED, "/: %s", strerror(errno));
	identity_read(root_fd, forget->broker.agent.id, &forget->identity);
	close(root_fd);
	forget->retained.id = forget->identity.id;
	return CTL_FINE;
}

/* A daemon here with this id would say everything again. Others are not asked: see the broker. */
static enum ctl_exit check_daemon(struct forget *forget, struct client *client)
{
	cJSON *answer = NULL;
	const char *id;
	bool same;

	if (forget->options->socket == NULL) {
		snprintf(forget->socket, sizeof(forget->socket), "%s/control.sock",
			 forget->broker.agent.run_dir);
		client->path = forget->socket;
	}
	if (client_ask(client, "{\"command\":\"status\"}", &answer) != CTL_FINE)
		return CTL_FINE;
	id = document_text(answer, "id");
	same = id != NULL && strcmp(id, forget->retained.id) == 0 &&
	       document_flag(answer, "notifiers.mqtt.configured");
	cJSON_Delete(answer);
	client_close(client);
	if (!same)
		return CTL_FINE;
	return fail(CTL_FAILED,
		    "hostingpid runs here as %s and would publish everything again: stop it first "
		    "(systemctl stop hostingpid); if it has another prefix now, use --force",
		    forget->retained.id);
}

/* Subscribes, and takes what comes until nothing has come for a while. */
static enum ctl_exit look(struct forget *forget)
{
	int64_t start_ns = ctl_broker_now_ns(), now_ns = start_ns;
	char filter[2 * MQTT_TOPIC_SIZE];

	retained_look(&forget->retained);
	for (size_t i = 0; i < RETAINED_FILTERS; i++) {
		if (retained_filter(&forget->retained, i, filter, sizeof(filter)) < 0)
			return fail(CTL_USAGE, "prefix and id are too long together");
		if (mqtt_link_subscribe(&forget->broker.link, filter, 0) < 0) {
			text_copy(forget->broker.error, sizeof(forget->broker.error),
				  forget->broker.link.error);
			return fail_broker(forget);
		}
	}
	forget->news_ns = start_ns;
	while (now_ns - forget->news_ns < QUIET_NS) {
		if (now_ns - start_ns >= PATIENCE_NS)
			return fail(CTL_FAILED, "broker %s: retained messages come without end",
				    forget->broker.name);
		if (ctl_broker_step(&forget->broker, STEP_MS, -1) < 0)
			return fail_broker(forget);
		if (forget->refusal[0] != '\0')
			return fail(CTL_FAILED,
				    "broker %s refuses to show what it keeps: %s; its access "
				    "rules must let this user read the topics of %s",
				    forget->broker.name, forget->refusal, forget->retained.id);
		now_ns = ctl_broker_now_ns();
	}
	return CTL_FINE;
}

/* Sends one empty message. */
static int empty(struct forget *forget, struct retained_topic *topic)
{
	const struct mqtt_post post = {.topic = topic->name, .data = "", .qos = 1, .retain = true};
	int number, result = mqtt_link_publish(&forget->broker.link, &post, &number);

	if (result < 0) {
		text_copy(forget->broker.error, sizeof(forget->broker.error),
			  forget->broker.link.error);
		return result;
	}
	topic->tried = true;
	topic->number = number;
	forget->flying++;
	return 0;
}

/* Sends an empty message for all that was seen and not tried yet, and waits for the answers. */
static enum ctl_exit remove_all(struct forget *forget)
{
	struct retained_topic *topic;

	forget->news_ns = ctl_broker_now_ns();
	while ((topic = retained_next(&forget->retained)) != NULL || forget->flying > 0) {
		if (topic != NULL && forget->flying < MQTT_IN_FLIGHT &&
		    mqtt_link_idle(&forget->broker.link)) {
			if (empty(forget, topic) < 0)
				return fail_broker(forget);
			continue;
		}
		if (ctl_broker_now_ns() - forget->news_ns >= PATIENCE_NS)
			return fail(CTL_FAILED, "broker %s does not acknowledge messages",
				    forget->broker.name);
		if (ctl_broker_step(&forget->broker, STEP_MS, -1) < 0)
			return fail_broker(forget);
	}
	return CTL_FINE;
}

static enum ctl_exit check_alive(const struct forget *forget)
{
	const struct retained *retained = &forget->retained;

	if (retained->alive)
		return fail(CTL_FAILED,
			    "%s is alive (news of it came just now) and would publish everything "
			    "again: stop its hostingpid first",
			    retained->id);
	if (retained->online)
		return fail(CTL_FAILED,
			    "the broker says that %s is online: stop its hostingpid first; if "
			    "that Pi is gone for certain, use --force",
			    retained->id);
	return CTL_FINE;
}

/* Looks and removes, until a look finds nothing new. */
static enum ctl_exit work(struct forget *forget)
{
	bool sure = forget->options->given & (CTL_OPTION_FORCE | CTL_OPTION_DRY_RUN);
	enum ctl_exit result;

	if (ctl_broker_connect(&forget->broker, -1) < 0)
		return fail_broker(forget);
	for (int i = 0; i < LOOKS; i++) {
		result = look(forget);
		if (result == CTL_FINE && i == 0 && !sure)
			result = check_alive(forget);
		if (result != CTL_FINE)
			return result;
		if (forget->options->given & CTL_OPTION_DRY_RUN || i == LOOKS - 1 ||
		    retained_next(&forget->retained) == NULL)
			break;
		result = remove_all(forget);
		if (result != CTL_FINE)
			return result;
	}
	ctl_broker_hang_up(&forget->broker);
	return CTL_FINE;
}

/* Why a topic is still there. */
static const char *reason_of(const struct retained_topic *topic)
{
	if (topic->reason[0] != '\0')
		return topic->reason;
	return topic->tried ? "still there: the broker's access rules do not let this user remove "
			      "it, or somebody published it again"
			    : "published again and again by somebody";
}

static void print_text(const struct forget *forget, size_t refused)
{
	bool dry = forget->options->given & CTL_OPTION_DRY_RUN;
	const struct retained *retained = &forget->retained;
	struct style style = style_detect(stdout);

	for (size_t i = 0; i < retained->count; i++) {
		const struct retained_topic *topic = &retained->topics[i];

		fputs(dry ? "found    " : topic->seen ? "refused  " : "removed  ", stdout);
		text_put(stdout, &style, topic->name);
		if (!dry && topic->seen) {
			fputs(": ", stdout);
			text_put(stdout, &style, reason_of(topic));
		}
		fputc('\n', stdout);
	}
	if (retained->count == 0)
		printf("nothing of %s is kept at %s that this user may see\n", retained->id,
		       forget->broker.name);
	else if (dry)
		printf("topics of %s at %s: %zu; nothing was removed\n", retained->id,
		       forget->broker.name, retained->count);
	else
		printf("topics of %s at %s: %zu removed, %zu refused\n", retained->id,
		       forget->broker.name, retained->count - refused, refused);
}

static enum ctl_exit print_json(const struct forget *forget)
{
	bool dry = forget->options->given & CTL_OPTION_DRY_RUN;
	const struct retained *retained = &forget->retained;
	cJSON *document = cJSON_CreateObject(), *good, *bad = NULL;
	enum ctl_exit result;

	cJSON_AddStringToObject(document, "id", retained->id);
	cJSON_AddStringToObject(document, "broker", forget->broker.name);
	good = cJSON_AddArrayToObject(document, dry ? "found" : "removed");
	if (!dry)
		bad = cJSON_AddArrayToObject(document, "refused");
	for (size_t i = 0; i < retained->count; i++) {
		const struct retained_topic *topic = &retained->topics[i];
		cJSON *item;

		if (dry || !topic->seen) {
			cJSON_AddItemToArray(good, cJSON_CreateString(topic->name));
			continue;
		}
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "topic", topic->name);
		cJSON_AddStringToObject(item, "reason", reason_of(topic));
		cJSON_AddItemToArray(bad, item);
	}
	result = ctl_print_json(document);
	cJSON_Delete(document);
	return result;
}

static enum ctl_exit report(const struct forget *forget)
{
	enum ctl_exit result = CTL_FINE;
	size_t refused = 0;

	for (size_t i = 0; i < forget->retained.count; i++)
		refused += forget->retained.topics[i].seen;
	if (forget->options->json) {
		result = print_json(forget);
	} else {
		print_text(forget, refused);
		result = ctl_output_end();
	}
	if (result != CTL_FINE)
		return result;
	if (forget->retained.full)
		return fail(CTL_FAILED, "there are more than %d topics: call again for the rest",
			    RETAINED_TOPICS);
	return refused > 0 && !(forget->options->given & CTL_OPTION_DRY_RUN) ? CTL_FAILED
									     : CTL_FINE;
}

static enum ctl_exit run_forget(const struct ctl_options *options, struct client *client)
{
	struct forget forget = {.options = options};
	enum ctl_exit result = ctl_broker_open(&forget.broker, options);

	/* OpenSSL writes without MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	forget.retained.prefix = forget.broker.settings.prefix;
	forget.retained.discovery_prefix = forget.broker.settings.discovery_prefix;
	forget.broker.link.received = on_received;
	forget.broker.link.acknowledged = on_acknowledged;
	forget.broker.link.refused = on_refused;
	forget.broker.link.context = &forget;
	if (result == CTL_FINE)
		result = find_id(&forget);
	if (result == CTL_FINE && !(options->given & (CTL_OPTION_FORCE | CTL_OPTION_DRY_RUN)))
		result = check_daemon(&forget, client);
	if (result == CTL_FINE)
		result = work(&forget);
	if (result == CTL_FINE)
		result = report(&forget);
	ctl_broker_close(&forget.broker);
	retained_free(&forget.retained);
	return result;
}

const struct ctl_command ctl_forget_command = {
	.name = "forget",
	.takes = CTL_OPTION_ID | CTL_OPTION_CONFIG | CTL_OPTION_PREFIX | CTL_OPTION_DRY_RUN |
		 CTL_OPTION_FORCE,
	.help = "  forget [--id ID]      remove what the broker keeps of this Pi or another\n",
	.details = "  --id ID               another Pi than this one\n"
		   "  -c, --config FILE     the file with the broker (default as hostingpid)\n"
		   "  --prefix TEXT         first levels of the topics, instead of those in it\n"
		   "  --dry-run             only show what would be removed\n"
		   "  --force               even if it is said to be online\n",
	.run = run_forget,
};
