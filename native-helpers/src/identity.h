// What credentials.cc remembers of the calling thread.
#pragma once

// To be called before anything that may change the thread's ids or capabilities: it returns to
// the thread's own ids, and they are read anew when they are next needed.
void forgetIdentity();
