/* SPDX-License-Identifier: MIT */
/*
 * The agent's libraries, initialised and left alone: what they cost before the agent's own first
 * line. A loop, an MQTT client that is never connected, the sensors looked up, one configuration
 * and one document parsed, one HTTP parser.
 */
#include <cjson/cJSON.h>
#include <http_parser.h>
#include <ini.h>
#include <mosquitto.h>
#include <sensors/sensors.h>
#include <unistd.h>
#include <uv.h>

static int take_key(void *context, const char *section, const char *name, const char *value)
{
	(void)context;
	(void)section;
	(void)name;
	(void)value;
	return 1;
}

int main(void)
{
	uv_loop_t loop;
	http_parser parser;

	uv_loop_init(&loop);
	mosquitto_lib_init();
	mosquitto_new("hostingpi-idle", true, NULL);
	sensors_init(NULL);
	ini_parse_string("[section]\nkey = value\n", take_key, NULL);
	cJSON_Delete(cJSON_Parse("{\"key\": 1}"));
	http_parser_init(&parser, HTTP_RESPONSE);
	for (;;)
		pause();
}
