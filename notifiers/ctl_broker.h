/* SPDX-License-Identifier: MIT */
/*
 * The connection of a command to the broker: the same settings, the same dialling and the same link as
 * the daemon's, but a name of its own there, no will, and nobody who must not be held up.
 */
#ifndef HOSTINGPI_CTL_BROKER_H
#define HOSTINGPI_CTL_BROKER_H

#include <stdint.h>

#include "agent/ctl/command.h"
#include "agent/settings.h"
#include "notifiers/mqtt_conf.h"
#include "notifiers/mqtt_link.h"
#include "notifiers/mqtt_login.h"

/* "[" + host + "]:" + port */
#define CTL_BROKER_NAME_SIZE (MQTT_HOST_SIZE + 16)

struct ctl_broker {
	struct agent_conf agent; /* section [agent] */
	struct mqtt_conf settings;
	char name[CTL_BROKER_NAME_SIZE]; /* for people */
	char client_id[32];
	char error[256]; /* why the last call failed */
	struct mqtt_login login;
	struct mqtt_link_conf link_conf;
	struct mqtt_link link; /* its callbacks and their context are the caller's */
};

/*
 * Reads the settings, opens the library; broker is zeroed. CTL_USAGE after it has said what is wrong
 * there. Close it in any case.
 */
enum ctl_exit ctl_broker_open(struct ctl_broker *broker, const struct ctl_options *options);
void ctl_broker_close(struct ctl_broker *broker);

/* CLOCK_MONOTONIC. */
int64_t ctl_broker_now_ns(void);
/* Random, not 0. */
uint64_t ctl_broker_seed(void);

/*
 * Calls the broker, each of its addresses once. Blocks. 0, -ECONNABORTED with broker->error, or -EINTR
 * because stop_fd (-1: none) became readable.
 */
int ctl_broker_connect(struct ctl_broker *broker, int stop_fd);

/*
 * Waits for the broker, wait_ms at most, and goes on with the connection. 0, -ECONNABORTED with
 * broker->error, or -EINTR; the connection is closed then.
 */
int ctl_broker_step(struct ctl_broker *broker, int wait_ms, int stop_fd);

/* Ends the connection as MQTT wants it. */
void ctl_broker_hang_up(struct ctl_broker *broker);

#endif
