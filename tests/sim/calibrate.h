/* SPDX-License-Identifier: MIT */
/* The memory of the model against recordings of real kernels (tests/traces). */
#ifndef HOSTINGPI_SIM_CALIBRATE_H
#define HOSTINGPI_SIM_CALIBRATE_H

/*
 * Lets the growth of every recording in the folder happen in the model and prints where either began
 * to swap. Returns how many differ by more than what is stated there, or negative errno.
 */
int calibrate_run(const char *folder);

#endif
