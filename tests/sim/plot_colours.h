/* SPDX-License-Identifier: MIT */
/* The same law has the same colour in every picture, as far as it is one of those that matter. */
#ifndef HOSTINGPI_SIM_PLOT_COLOURS_H
#define HOSTINGPI_SIM_PLOT_COLOURS_H

#include <stddef.h>

/* Fills ret_colours with one colour (svg.h) for each of count names, at most SVG_COLOURS. */
void plot_colours(const char *const *laws, size_t count, int *ret_colours);

#endif
