/* SPDX-License-Identifier: MIT */
/*
 * A number leaves the skeleton only if it is printed in the one way in which join() prints it: no zero
 * before or after that means nothing, no exponent, at most 18 digits. Everything else outside of strings,
 * and all within, stays where it is. In its place stands a byte that JSON text never has; a text that has
 * it nevertheless is all skeleton.
 *
 * A record is: flags; unless the skeleton is the same, its length and its pieces (mqtt_patch.h); which numbers have
 * more decimals than before, if any has; a bit for each number whether it changed, and
 * the differences of those that did. A number is compared with the one whose place its own was copied
 * from. Its decimals never become fewer within a chain of records, so 45.2 after 45.277 is a small
 * difference and not another kind of number.
 */
#include "notifiers/mqtt_pack.h"

#include <errno.h>
#include <string.h>

#include "notifiers/mqtt_patch.h"

#define MARK '\1'
#define DIGITS 18
#define DECIMALS DIGITS

enum {
	FLAG_PATCH = 1,	   /* the skeleton is another one */
	FLAG_PLAIN = 2,	   /* the skeleton is all there is: marks in it are bytes of the text */
	FLAG_DECIMALS = 4, /* some numbers have more decimals */
	FLAGS = 7,
};

/* What the numbers are compared with. */
struct basis {
	int64_t mantissas[MQTT_PACK_NUMBERS];
	uint8_t decimals[MQTT_PACK_NUMBERS];
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads the number that token is. False if join() would print it in another way. */
static bool read_number(const char *token, size_t length, int64_t *ret_mantissa,
			uint8_t *ret_decimals)
{
	const char *at = token, *end = token + length, *point = NULL;
	bool negative = *at == '-';
	unsigned digits = 0;
	int64_t value = 0;

	at += negative;
	if (at == end || !is_digit(*at) || (*at == '0' && at + 1 < end && at[1] != '.'))
		return false;
	for (; at < end; at++) {
		if (*at == '.' && !point) {
			point = at;
			continue;
		}
		if (!is_digit(*at) || ++digits > DIGITS)
			return false;
		value = value * 10 + (*at - '0');
	}
	if ((negative && value == 0) || (point && (point + 1 == end || end[-1] == '0')))
		return false;
	*ret_mantissa = negative ? -value : value;
	*ret_decimals = point ? (uint8_t)(end - point - 1) : 0;
	return true;
}

/* One past the string whose opening quote is at `at`. */
static const char *string_end(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++) {
		if (*at == '\\' && at + 1 < end)
			at++;
	}
	return at < end ? at + 1 : end;
}

static const char *token_end(const char *at, const char *end)
{
	while (at < end && (is_digit(*at) || *at == '-' || *at == '+' || *at == '.' || *at == 'e' ||
			    *at == 'E'))
		at++;
	return at;
}

static void keep(struct mqtt_pack *pack, const char *from, const char *to)
{
	memcpy(pack->skeleton + pack->length, from, (size_t)(to - from));
	pack->length = (uint16_t)(pack->length + (to - from));
}

void mqtt_pack_split(struct mqtt_pack *pack, const char *text, size_t length)
{
	const char *end = text + length, *at = text, *from = text;

	pack->count = pack->length = 0;
	if (memchr(text, MARK, length))
		at = end;
	while (at < end && pack->count < MQTT_PACK_NUMBERS) {
		const char *token = at;
		if (*at == '"') {
			at = string_end(at, end);
			continue;
		}
		at = is_digit(*at) || *at == '-' ? token_end(at, end) : at + 1;
		if (at == token + 1 && !is_digit(*token))
			continue;
		if (!read_number(token, (size_t)(at - token), &pack->mantissas[pack->count],
				 &pack->decimals[pack->count]))
			continue;
		keep(pack, from, token);
		from = at;
		pack->places[pack->count++] = pack->length;
		pack->skeleton[pack->length++] = MARK;
	}
	keep(pack, from, end);
}

/* Prints backwards from at, up to 21 bytes; returns the first one. */
static const char *print_number(int64_t mantissa, unsigned decimals, char *at)
{
	uint64_t value = mantissa < 0 ? 0 - (uint64_t)mantissa : (uint64_t)mantissa;

	for (; decimals > 0 && value % 10 == 0; decimals--)
		value /= 10;
	for (unsigned digit = 0; value || digit <= decimals; digit++) {
		if (digit > 0 && digit == decimals)
			*--at = '.';
		*--at = (char)('0' + value % 10);
		value /= 10;
	}
	if (mantissa < 0)
		*--at = '-';
	return at;
}

int mqtt_pack_join(const struct mqtt_pack *pack, char *buffer, size_t size)
{
	struct bytes_out out = {(uint8_t *)buffer, (uint8_t *)buffer + size, false};
	size_t at = 0;

	for (unsigned i = 0; i < pack->count; i++) {
		char text[24], *end = text + sizeof(text);
		const char *number = print_number(pack->mantissas[i], pack->decimals[i], end);
		bytes_put(&out, pack->skeleton + at, pack->places[i] - at);
		bytes_put(&out, number, (size_t)(end - number));
		at = pack->places[i] + 1u;
	}
	bytes_put(&out, pack->skeleton + at, pack->length - at);
	return out.full ? -ENOSPC : (int)(out.at - (uint8_t *)buffer);
}

/* Finds for each place of now the one in state that it was copied from: what its number is compared with. */
static void find_basis(const struct mqtt_pack *state, const struct mqtt_pack *now,
		       struct bytes_in pieces, struct basis *ret_basis)
{
	size_t at = 0, next = 0;
	struct mqtt_piece piece;
	unsigned i, j = 0;

	memset(ret_basis, 0, sizeof(*ret_basis));
	while (at < now->length &&
	       mqtt_patch_read(&pieces, state->length, now->length, at, &next, &piece)) {
		at += piece.literal_length;
		while (j < now->count && now->places[j] < at)
			j++;
		for (i = 0; i < state->count && state->places[i] < piece.source; i++)
			;
		for (; i < state->count && state->places[i] < piece.source + piece.length &&
		       j < now->count;
		     i++, j++) {
			ret_basis->mantissas[j] = state->mantissas[i];
			ret_basis->decimals[j] = state->decimals[i];
		}
		at += piece.length;
	}
}

/* Gives a number more decimals. False if it would be too large then. */
static bool scale(int64_t *mantissa, unsigned from, unsigned to)
{
	for (; from < to; from++) {
		if (__builtin_mul_overflow(*mantissa, 10, mantissa))
			return false;
	}
	return true;
}

/* Brings the numbers of *now (a copy) and the basis to the same decimals. False if one is too large then. */
static bool align(const struct mqtt_pack *pack, struct basis *now, struct basis *basis,
		  unsigned *ret_changes)
{
	*ret_changes = 0;
	for (unsigned i = 0; i < pack->count; i++) {
		unsigned had = basis->decimals[i], has = pack->decimals[i];
		unsigned common = had > has ? had : has;
		now->mantissas[i] = pack->mantissas[i];
		now->decimals[i] = (uint8_t)common;
		*ret_changes += common != had;
		if (!scale(&now->mantissas[i], has, common) ||
		    !scale(&basis->mantissas[i], had, common))
			return false;
	}
	return true;
}

static void write_numbers(struct bytes_out *out, const struct basis *basis, const struct basis *now,
			  unsigned count, unsigned changes)
{
	uint8_t changed[(MQTT_PACK_NUMBERS + 7) / 8] = {0};

	if (changes) {
		bytes_put_number(out, changes);
		for (unsigned i = 0; i < count; i++) {
			uint8_t pair[] = {(uint8_t)i, now->decimals[i]};
			if (now->decimals[i] != basis->decimals[i])
				bytes_put(out, pair, sizeof(pair));
		}
	}
	for (unsigned i = 0; i < count; i++) {
		if (now->mantissas[i] != basis->mantissas[i])
			changed[i / 8] |= (uint8_t)(1 << i % 8);
	}
	bytes_put(out, changed, (count + 7) / 8);
	for (unsigned i = 0; i < count; i++) {
		/* May go around: the reader goes around as well. */
		if (now->mantissas[i] != basis->mantissas[i])
			bytes_put_signed(out, (int64_t)((uint64_t)now->mantissas[i] -
							(uint64_t)basis->mantissas[i]));
	}
}

static bool same_skeleton(const struct mqtt_pack *a, const struct mqtt_pack *b)
{
	return a->length == b->length && a->count == b->count &&
	       memcmp(a->skeleton, b->skeleton, a->length) == 0;
}

static void copy_skeleton(struct mqtt_pack *to, const struct mqtt_pack *from)
{
	to->count = from->count;
	to->length = from->length;
	memcpy(to->places, from->places, from->count * sizeof(from->places[0]));
	memcpy(to->skeleton, from->skeleton, from->length);
}

static void copy_numbers(struct mqtt_pack *to, const struct basis *from)
{
	memcpy(to->mantissas, from->mantissas, to->count * sizeof(from->mantissas[0]));
	memcpy(to->decimals, from->decimals, to->count);
}

static void numbers_of(const struct mqtt_pack *from, struct basis *to)
{
	memcpy(to->mantissas, from->mantissas, from->count * sizeof(from->mantissas[0]));
	memcpy(to->decimals, from->decimals, from->count);
}

int mqtt_pack_encode(struct mqtt_pack *state, const struct mqtt_pack *now, uint8_t *record,
		     size_t size)
{
	struct bytes_out out = {record, record + size, false};
	bool same = same_skeleton(state, now);
	struct basis basis, aligned;
	uint8_t flags = (uint8_t)(same ? 0 : FLAG_PATCH);
	unsigned changes;

	if (now->count == 0)
		flags |= FLAG_PLAIN;
	bytes_put(&out, &flags, 1);
	if (same) {
		numbers_of(state, &basis);
	} else {
		uint8_t *pieces;
		bytes_put_number(&out, now->length);
		pieces = out.at;
		mqtt_patch_write(&out, state->skeleton, state->length, now->skeleton, now->length);
		find_basis(state, now, (struct bytes_in){pieces, out.at, false}, &basis);
	}
	if (!align(now, &aligned, &basis, &changes))
		return -ENOSPC;
	if (changes && !out.full)
		record[0] |= FLAG_DECIMALS;
	write_numbers(&out, &basis, &aligned, now->count, changes);
	if (out.full)
		return -ENOSPC;
	if (!same)
		copy_skeleton(state, now);
	copy_numbers(state, &aligned);
	return (int)(out.at - record);
}

/* Counts the places of a skeleton. False if there are more than a text can have. */
static bool find_places(struct mqtt_pack *pack)
{
	const char *at = pack->skeleton, *end = pack->skeleton + pack->length;

	pack->count = 0;
	while ((at = memchr(at, MARK, (size_t)(end - at))) != NULL) {
		if (pack->count == MQTT_PACK_NUMBERS)
			return false;
		pack->places[pack->count++] = (uint16_t)(at++ - pack->skeleton);
	}
	return true;
}

static bool read_skeleton(struct bytes_in *in, struct mqtt_pack *state, struct mqtt_pack *scratch,
			  bool plain, struct basis *ret_basis)
{
	uint64_t length = bytes_get_number(in);
	struct bytes_in pieces = *in;

	if (length > MQTT_PACK_TEXT || !mqtt_patch_apply(in, state->skeleton, state->length,
							 scratch->skeleton, (size_t)length))
		return false;
	scratch->length = (uint16_t)length;
	scratch->count = 0;
	if (!plain && !find_places(scratch))
		return false;
	find_basis(state, scratch, pieces, ret_basis);
	copy_skeleton(state, scratch);
	return true;
}

static bool read_decimals(struct bytes_in *in, struct basis *basis, unsigned count)
{
	for (uint64_t left = bytes_get_number(in); left > 0; left--) {
		const uint8_t *pair = bytes_get(in, 2);
		if (!pair || pair[0] >= count || pair[1] > DECIMALS ||
		    pair[1] <= basis->decimals[pair[0]] ||
		    !scale(&basis->mantissas[pair[0]], basis->decimals[pair[0]], pair[1]))
			return false;
		basis->decimals[pair[0]] = pair[1];
	}
	return true;
}

int mqtt_pack_decode(struct mqtt_pack *state, struct mqtt_pack *scratch, const uint8_t *record,
		     size_t length)
{
	struct bytes_in in = {record, record + length, false};
	const uint8_t *flags = bytes_get(&in, 1), *changed;
	struct basis basis;

	if (!flags || *flags & ~FLAGS)
		return -EBADMSG;
	if (*flags & FLAG_PATCH) {
		if (!read_skeleton(&in, state, scratch, *flags & FLAG_PLAIN, &basis))
			return -EBADMSG;
	} else {
		numbers_of(state, &basis);
	}
	if (*flags & FLAG_DECIMALS && !read_decimals(&in, &basis, state->count))
		return -EBADMSG;
	changed = bytes_get(&in, (state->count + 7u) / 8);
	for (unsigned i = 0; changed && i < state->count; i++) {
		if (changed[i / 8] >> i % 8 & 1)
			basis.mantissas[i] = (int64_t)((uint64_t)basis.mantissas[i] +
						       (uint64_t)bytes_get_signed(&in));
	}
	copy_numbers(state, &basis);
	return in.bad || in.at != in.end ? -EBADMSG : 0;
}
