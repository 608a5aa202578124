// The line protocol: tokens in, one answer line out. Bytes that would break a line are written
// %XX, so that every file name survives. Nothing here knows what an operation is.
#ifndef WIRE_H
#define WIRE_H

#include <stddef.h>
#include <stdint.h>

// ---- input: one line, cut into tokens in place ----
struct tokens {
  char *next;
};

// The next token, percent-decoded in place; "" at the end of the line. `%-` is the empty string.
char *take(struct tokens *in);
long long take_number(struct tokens *in);

// ---- output: one growing line ----
void out_reset(void);
void out(const char *format, ...) __attribute__((format(printf, 1, 2)));
void out_bytes(const char *bytes, size_t length);
void out_hex(const unsigned char *bytes, size_t length);
const char *out_line(size_t *length);

// ---- data ----
// Deterministic contents: byte i of pattern `seed`, and a 64-bit FNV-1a of what was read.
void pattern(unsigned char *buffer, size_t length, uint32_t seed);
uint64_t hash_more(uint64_t hash, const unsigned char *buffer, size_t length);
#define HASH_START 1469598103934665603ULL

// Hex digits into `into`; returns the bytes, or -1.
long from_hex(const char *hex, unsigned char *into, size_t room);

#endif
