// What the files of the addon share: the state of one JavaScript environment (main thread or
// worker) and the table of functions each file adds to.
#pragma once

#include <memory>
#include <vector>

#include <node_api.h>

class Loop;

// Belongs to one JavaScript thread and is used by no other.
struct Environment {
  // Loops that this thread created: they end with it.
  std::vector<std::shared_ptr<Loop>> created;
  // The loop used last, of this thread or another.
  std::shared_ptr<Loop> recent;
};

class Exports {
 public:
  Exports(napi_env env, napi_value object, Environment* environment)
      : env_(env), object_(object), environment_(environment) {}
  void add(const char* name, napi_callback function);

 private:
  napi_env env_;
  napi_value object_;
  Environment* environment_;
};

void addInode(Exports& exports);
void addFile(Exports& exports);
void addDir(Exports& exports);
void addXattr(Exports& exports);
void addHandle(Exports& exports);
void addMount(Exports& exports);
void addNamespace(Exports& exports);
void addNotify(Exports& exports);
void addCredentials(Exports& exports);
void addProcess(Exports& exports);
void addDevice(Exports& exports);
void addPool(Exports& exports);
void addInflate(Exports& exports);
void addRecordedTree(Exports& exports);
void addAbi(Exports& exports);

// Ends the loops of an environment that goes: their threads are joined.
void endLoops(Environment& environment);
