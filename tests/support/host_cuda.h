// Runs CUDA kernels on the CPU: included in front of the source, which g++ then compiles as ordinary C++.
//
// The threads of a launch run one after another, in either order. Those of a kernel with __syncthreads() are fibres: each runs
// to its next barrier, then the next thread does, so a missing barrier shows as a wrong result in one of the two orders.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <ucontext.h>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __shared__ static  // one block runs at a time
using std::exp, std::log, std::sqrt;

struct Position {
  unsigned x, y, z;
};
static Position threadIdx, blockIdx, blockDim, gridDim;

namespace host {

struct Fibre {
  ucontext_t context;
  std::vector<char> stack;
  unsigned thread;
  bool done;
};

using Body = void (*)(void**);
static ucontext_t scheduler;
static Fibre* running = nullptr;
static Body body;
static void** arguments;

static void start() {
  body(arguments);
  running->done = true;  // the scheduler follows: uc_link
}

static void barrier() {
  if (!running) std::abort();  // a kernel that was not recognised as one with barriers
  swapcontext(&running->context, &scheduler);
}

// One block of threads with barriers. False if some threads end while others wait: on a GPU that hangs or worse.
static bool together(unsigned threads, bool reversed) {
  static std::vector<Fibre> fibres;
  fibres.resize(threads);
  for (unsigned t = 0; t < threads; ++t) {
    Fibre& fibre = fibres[t];
    fibre.stack.resize(1 << 16);
    fibre.thread = t;
    fibre.done = false;
    getcontext(&fibre.context);
    fibre.context.uc_stack.ss_sp = fibre.stack.data();
    fibre.context.uc_stack.ss_size = fibre.stack.size();
    fibre.context.uc_link = &scheduler;
    makecontext(&fibre.context, start, 0);
  }
  for (unsigned done = 0; done < threads;) {
    for (unsigned k = 0; k < threads; ++k) {
      running = &fibres[reversed ? threads - 1 - k : k];
      threadIdx.x = running->thread;
      swapcontext(&scheduler, &running->context);
      done += running->done;
    }
    running = nullptr;
    if (done && done < threads) return false;
  }
  return true;
}

static bool launch(Body kernel, void** args, unsigned blocks, unsigned threads, bool barriers, bool reversed) {
  body = kernel;
  arguments = args;
  gridDim = {blocks, 1, 1};
  blockDim = {threads, 1, 1};
  for (unsigned b = 0; b < blocks; ++b) {
    blockIdx = {reversed ? blocks - 1 - b : b, 0, 0};
    if (barriers) {
      if (!together(threads, reversed)) return false;
      continue;
    }
    for (unsigned t = 0; t < threads; ++t) {
      threadIdx = {reversed ? threads - 1 - t : t, 0, 0};
      kernel(args);
    }
  }
  return true;
}

// CUDA passes an array of pointers to the arguments; the types come from the kernel's own signature.
template <typename... P, std::size_t... I>
static void call(void (*kernel)(P...), void** args, std::index_sequence<I...>) {
  kernel(*static_cast<P*>(args[I])...);
}

template <auto kernel>
struct Kernel;

template <typename... P, void (*kernel)(P...)>
struct Kernel<kernel> {
  static void run(void** args) { call(kernel, args, std::index_sequence_for<P...>{}); }
  static int sizes(std::size_t* out) {
    ((*out++ = sizeof(P)), ...);
    return sizeof...(P);
  }
};

}  // namespace host

#define __syncthreads host::barrier

#define EXPORT(kernel)                                                                                                   \
  extern "C" bool launch_##kernel(void** args, unsigned blocks, unsigned threads, bool barriers, bool reversed) {        \
    return host::launch(host::Kernel<kernel>::run, args, blocks, threads, barriers, reversed);                           \
  }                                                                                                                      \
  extern "C" int sizes_##kernel(std::size_t* out) { return host::Kernel<kernel>::sizes(out); }
