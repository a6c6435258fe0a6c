/* SPDX-License-Identifier: MIT */
/* Numbers, times and foreign words as they stand in a post: short, for people, never an address. */
#ifndef HOSTINGPI_POST_WORDS_H
#define HOSTINGPI_POST_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* Room for what any of the number functions writes. */
#define POST_WORDS_SIZE 48

/* "412 MB", "1.2 GB" (powers of 1000), "nothing" for none and for less than that. */
void post_words_bytes(char text[static POST_WORDS_SIZE], int64_t bytes);
/* "907", "48,213", "1.5 million". */
void post_words_count(char text[static POST_WORDS_SIZE], int64_t count);
/* "61.2 °C" from thousandths of a degree. */
void post_words_celsius(char text[static POST_WORDS_SIZE], int64_t milli);
/* "12.3" from thousandths. */
void post_words_milli(char text[static POST_WORDS_SIZE], int64_t milli);
/* "45 s", "12 min", "3 h 20 min", "2 days 3 h". */
void post_words_span(char text[static POST_WORDS_SIZE], int64_t seconds);
/*
 * "21 Nov 14:05:33 CET", local: with the day and the zone, so that a text with it in it comes only once a
 * year, also in the hour that the end of summer time repeats.
 */
void post_words_time(char text[static POST_WORDS_SIZE], int64_t wall_ms);

/*
 * Copies what a machine said. '@', '#', '$' become '_'; a dot before a letter, as in a host name,
 * becomes U+00B7, "://" a blank: services would make mentions, tags and links of them, and a link costs
 * thirteen times as much (X, 2026). What is not printable ASCII becomes '?'. What does not fit is cut.
 */
void post_words_defuse(char *ret_text, size_t size, const char *text);

#endif
