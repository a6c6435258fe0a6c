/* SPDX-License-Identifier: MIT */
/* The hwmon chips of this machine. The only place that knows libsensors. */
#ifndef HOSTINGPI_SENSORS_H
#define HOSTINGPI_SENSORS_H

#include <stddef.h>

/* A Pi 5 with fan and NVMe has 5 chips, a PC hardly 10. */
#define SENSOR_CHIPS 32

struct sensor_chip {
	char name[32];	/* of the driver, e.g. "cpu_thermal" */
	char path[128]; /* its directory, relative to the root, e.g. "sys/class/hwmon/hwmon0" */
};

/*
 * Asks libsensors, which reads its configuration below /etc and allocates: only while modules are
 * opened, in the main thread. Returns the number of chips or negative errno (libsensors cannot work
 * here; it has been logged why).
 */
int sensor_chips_ask(struct sensor_chip ret_chips[SENSOR_CHIPS]);

/* Looks below root_fd itself, without allocating. Returns the number of chips. */
int sensor_chips_scan(int root_fd, struct sensor_chip ret_chips[SENSOR_CHIPS]);

#endif
