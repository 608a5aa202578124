// Registers the functions and keeps the state of each environment; nothing else.
#include "addon.h"

#include "loop.h"

void Exports::add(const char* name, napi_callback function) {
  napi_value value = nullptr;
  napi_create_function(env_, name, NAPI_AUTO_LENGTH, function, environment_, &value);
  napi_set_named_property(env_, object_, name, value);
}

static void atExit(void* data) { endLoops(*static_cast<Environment*>(data)); }

static void release(napi_env, void* data, void*) { delete static_cast<Environment*>(data); }

NAPI_MODULE_INIT() {
  auto* environment = new Environment;
  napi_set_instance_data(env, environment, release, nullptr);
  napi_add_env_cleanup_hook(env, atExit, environment);
  Exports table(env, exports, environment);
  addInode(table);
  addFile(table);
  addDir(table);
  addXattr(table);
  addHandle(table);
  addMount(table);
  addNamespace(table);
  addNotify(table);
  addCredentials(table);
  addProcess(table);
  addDevice(table);
  addPool(table);
  addInflate(table);
  addRecordedTree(table);
  addAbi(table);
  return exports;
}
