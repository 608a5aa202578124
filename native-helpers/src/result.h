// The convention of every function: a value (>= 0), or -errno. Nothing here throws.
#pragma once

#include <cerrno>
#include <cstdint>

#include <node_api.h>

// What a C library call returned, by the convention.
inline int64_t checked(int64_t returned) { return returned < 0 ? -static_cast<int64_t>(errno) : returned; }

// A number for JavaScript; those of 32 bits are made without an allocation.
inline napi_value toNumber(napi_env env, int64_t value) {
  napi_value number = nullptr;
  if (value == static_cast<int32_t>(value)) {
    napi_create_int32(env, static_cast<int32_t>(value), &number);
  } else {
    napi_create_int64(env, value, &number);
  }
  return number;
}
