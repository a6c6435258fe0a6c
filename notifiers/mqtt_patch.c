/* SPDX-License-Identifier: MIT */
/*
 * When a document changes its shape, it does so in a few places: a reading becomes known, so that it
 * appears in one group and its reason goes from another. So the writer first tries to go on in the old text
 * where the last copy ended, and only where that does not fit asks a table of six-byte words for
 * another place, in the old text or in the new one so far. The latter is what makes the first document of a
 * chunk, which has no predecessor, a third of its size: reasons repeat.
 *
 * Pieces are: count of literal bytes, these, length of the copy, how far its source is from where the last
 * copy ended.
 */
#include "notifiers/mqtt_patch.h"

/* Copies shorter than that cost about as much as the bytes themselves. */
#define WORD 6
#define NEAR_WORD 4
/* A copy of that length from elsewhere in the old text means that the texts go on together there. */
#define FIRM 24
#define TABLE_BITS 11

struct writer {
	struct bytes_out *out;
	const char *old, *text;
	size_t old_length, length;
	size_t literal;			 /* first byte that is not written yet */
	size_t next;			 /* where the copy before ended */
	uint16_t table[1 << TABLE_BITS]; /* position after the old text's begin, plus 1; 0: none */
};

static unsigned hash(const char *word)
{
	uint32_t low;
	uint16_t high;

	memcpy(&low, word, sizeof(low));
	memcpy(&high, word + sizeof(low), sizeof(high));
	return (low * 2654435761u ^ high * 2246822519u) >> (32 - TABLE_BITS);
}

static size_t common(const char *a, const char *b, size_t limit)
{
	size_t length = 0;
	uint64_t x, y;

	for (; length + sizeof(x) <= limit; length += sizeof(x)) {
		memcpy(&x, a + length, sizeof(x));
		memcpy(&y, b + length, sizeof(y));
		if (x != y)
			break;
	}
	while (length < limit && a[length] == b[length])
		length++;
	return length;
}

/* How much of the text from at on also stands at source. */
static size_t match(const struct writer *writer, size_t source, size_t at)
{
	size_t limit = writer->length - at;

	if (source >= writer->old_length)
		return common(writer->text + (source - writer->old_length), writer->text + at,
			      limit);
	if (limit > writer->old_length - source)
		limit = writer->old_length - source;
	return common(writer->old + source, writer->text + at, limit);
}

static void remember(struct writer *writer, size_t from, size_t to)
{
	for (size_t at = from; at < to && at + WORD <= writer->length; at++)
		writer->table[hash(writer->text + at)] = (uint16_t)(writer->old_length + at + 1);
}

static void write_copy(struct writer *writer, size_t at, size_t source, size_t length)
{
	bytes_put_number(writer->out, at - writer->literal);
	bytes_put(writer->out, writer->text + writer->literal, at - writer->literal);
	bytes_put_number(writer->out, length);
	bytes_put_signed(writer->out, (int64_t)source - (int64_t)writer->next);
	writer->literal = at + length;
	writer->next = source + length;
}

/* The best place to copy from; its length is 0 if there is none. */
static size_t find(const struct writer *writer, size_t along, size_t at, size_t *ret_length)
{
	size_t length = along < writer->old_length ? match(writer, along, at) : 0, best = along;

	if (length < FIRM && at + WORD <= writer->length) {
		size_t source = writer->table[hash(writer->text + at)];
		size_t other = source ? match(writer, source - 1, at) : 0;
		if (other >= WORD && other > length) {
			best = source - 1;
			length = other;
		}
	}
	*ret_length = length >= NEAR_WORD ? length : 0;
	return best;
}

void mqtt_patch_write(struct bytes_out *out, const char *old, size_t old_length,
		      const char *new_text, size_t new_length)
{
	struct writer writer = {
		.out = out,
		.old = old,
		.text = new_text,
		.old_length = old_length,
		.length = new_length,
	};
	size_t along = 0, at = 0;

	for (size_t i = 0; i + WORD <= old_length; i++)
		writer.table[hash(old + i)] = (uint16_t)(i + 1);
	while (at < new_length && !out->full) {
		size_t length, source = find(&writer, along, at, &length);
		size_t from = at;
		if (length) {
			write_copy(&writer, at, source, length);
			at += length;
			if (source < old_length && (source == along || length >= FIRM))
				along = source + length;
		} else {
			at++;
		}
		remember(&writer, from, at);
	}
	if (writer.literal < new_length) {
		bytes_put_number(out, new_length - writer.literal);
		bytes_put(out, new_text + writer.literal, new_length - writer.literal);
	}
}

bool mqtt_patch_read(struct bytes_in *in, size_t old_length, size_t new_length, size_t at,
		     size_t *next, struct mqtt_piece *ret_piece)
{
	uint64_t literal = bytes_get_number(in), length = 0, source = 0;
	const uint8_t *bytes;

	/* Looked at before it becomes a size_t, which has 32 bits on some Pis. */
	if (literal > new_length - at) {
		in->bad = true;
		return false;
	}
	bytes = bytes_get(in, (size_t)literal);
	if (!bytes)
		return false;
	at += (size_t)literal;
	if (at < new_length) {
		length = bytes_get_number(in);
		source = *next + (uint64_t)bytes_get_signed(in);
		/* Within the old text, or from what there is of the new one. */
		if (in->bad || length == 0 || length > new_length - at ||
		    source >= old_length + at ||
		    (source < old_length && length > old_length - source)) {
			in->bad = true;
			return false;
		}
	}
	*next = (size_t)(source + length);
	*ret_piece = (struct mqtt_piece){bytes, (size_t)literal, (size_t)source, (size_t)length};
	return true;
}

bool mqtt_patch_apply(struct bytes_in *in, const char *old, size_t old_length, char *new_text,
		      size_t new_length)
{
	struct mqtt_piece piece;
	size_t at = 0, next = 0;

	while (at < new_length) {
		if (!mqtt_patch_read(in, old_length, new_length, at, &next, &piece))
			return false;
		memcpy(new_text + at, piece.literal, piece.literal_length);
		at += piece.literal_length;
		if (piece.source < old_length) {
			memcpy(new_text + at, old + piece.source, piece.length);
			at += piece.length;
			continue;
		}
		/* May reach into what it makes: byte by byte. */
		for (const char *from = new_text + (piece.source - old_length); piece.length > 0;
		     piece.length--)
			new_text[at++] = *from++;
	}
	return true;
}
