// Tokens, the answer line, patterns and hashes; see wire.h.
#include "wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

char *take(struct tokens *in) {
  char *from = in->next;
  while (*from == ' ') from++;
  char *start = from, *to = from;
  for (; *from && *from != ' '; from++) {
    if (*from == '%' && from[1] == '-') {
      from++;
    } else if (*from == '%' && hex_digit(from[1]) >= 0 && hex_digit(from[2]) >= 0) {
      *to++ = (char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));
      from += 2;
    } else {
      *to++ = *from;
    }
  }
  in->next = *from ? from + 1 : from;
  *to = 0;
  return start;
}

long long take_number(struct tokens *in) { return strtoll(take(in), NULL, 0); }

static char *line;
static size_t line_used, line_room;

static void reserve(size_t more) {
  if (line_used + more + 1 <= line_room) return;
  line_room = (line_used + more + 1) * 2;
  line = realloc(line, line_room);
  if (!line) abort();
}

void out_reset(void) { line_used = 0; }

void out(const char *format, ...) {
  va_list arguments;
  reserve(512);
  va_start(arguments, format);
  int length = vsnprintf(line + line_used, 512, format, arguments);
  va_end(arguments);
  if (length < 0 || length >= 512) abort();
  line_used += (size_t)length;
}

void out_bytes(const char *bytes, size_t length) {
  static const char digits[] = "0123456789abcdef";
  reserve(length * 3 + 2);
  if (length == 0) {
    line[line_used++] = '%';
    line[line_used++] = '-';
  }
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)bytes[i];
    if (c <= ' ' || c >= 0x7f || strchr("%,;|=@", c)) {
      line[line_used++] = '%';
      line[line_used++] = digits[c >> 4];
      line[line_used++] = digits[c & 15];
    } else {
      line[line_used++] = (char)c;
    }
  }
}

void out_hex(const unsigned char *bytes, size_t length) {
  static const char digits[] = "0123456789abcdef";
  reserve(length * 2);
  for (size_t i = 0; i < length; i++) {
    line[line_used++] = digits[bytes[i] >> 4];
    line[line_used++] = digits[bytes[i] & 15];
  }
}

const char *out_line(size_t *length) {
  reserve(1);
  line[line_used++] = '\n';
  *length = line_used;
  return line;
}

void pattern(unsigned char *buffer, size_t length, uint32_t seed) {
  uint64_t state = (uint64_t)seed * 0x9e3779b97f4a7c15ULL + 1;
  for (size_t i = 0; i < length; i += 8) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    size_t part = length - i < 8 ? length - i : 8;
    memcpy(buffer + i, &state, part);
  }
}

uint64_t hash_more(uint64_t hash, const unsigned char *buffer, size_t length) {
  for (size_t i = 0; i < length; i++) hash = (hash ^ buffer[i]) * 1099511628211ULL;
  return hash;
}

long from_hex(const char *hex, unsigned char *into, size_t room) {
  size_t length = strlen(hex);
  if (length % 2 || length / 2 > room) return -1;
  for (size_t i = 0; i < length / 2; i++) {
    int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return -1;
    into[i] = (unsigned char)(high * 16 + low);
  }
  return (long)(length / 2);
}
