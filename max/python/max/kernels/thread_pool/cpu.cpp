// The one thread pool of the CPU kernels: see include/pool.h.
//
// A job's chunks are shared out as one contiguous range per thread, so that each thread reads one
// sequential stream; who is done with its own takes chunks of the others. Helpers are optional: a job
// is complete when all its chunks are, whether or not a helper woke up in time for it. Helpers spin for
// a moment after a job, since the next kernel usually follows within microseconds, and then sleep in
// the kernel: an idle pool costs nothing.
//
// On a machine of several nodes (NUMA) a node's threads are neighbours, and take chunks of each other
// before those of other nodes. Helpers may run on their node's CPUs only. A caller is moved to its node by its
// first job and may go anywhere: threads that it starts would be bound as it is, and it is not ours.
//
//   state_:  | epoch (23 bits) | open (1) | helpers inside (8) |
//
// A helper joins a job by counting itself in while the job is open, and only then reads it; the caller
// closes the job and waits until no helper is inside before it returns.

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "../include/elements.h"
#include "../include/pool.h"

namespace {

using namespace max;

constexpr uint32_t kInside = 0xff, kOpen = 0x100, kEpoch = 0x200;
constexpr auto kSpin = std::chrono::microseconds(30);
constexpr int64_t kMostThreads = 255;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void sleep_while(std::atomic<uint32_t>& word, uint32_t value) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void wake_all(std::atomic<uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0);
}

// The chunks that one thread begins with; the next one is `next`, and there are none from `end` on.
struct alignas(64) Range {
  std::atomic<int64_t> next{0};
  int64_t end = 0;
};

// The threads [begin, end) of one node.
struct Node {
  int64_t begin, end;
};

class ThreadPool : public Pool {
 public:
  // cpus: of each thread's node; null where all threads may run anywhere.
  ThreadPool(int64_t count, const cpu_set_t* cpus) : ranges_(new Range[count]), nodes_(count, Node{0, count}) {
    threads = count;
    if (cpus != nullptr) {
      cpus_.assign(cpus, cpus + count);
      for (int64_t begin = 0, end = 1; begin < count; begin = end++) {
        while (end < count && CPU_EQUAL(&cpus[end], &cpus[begin])) ++end;
        std::fill(nodes_.begin() + begin, nodes_.begin() + end, Node{begin, end});
      }
    }
    run = [](Pool* pool, int64_t chunks, void (*task)(void*, int64_t), void* context) {
      static_cast<ThreadPool*>(pool)->run_job(chunks, task, context);
    };
    for (int64_t i = 1; i < count; ++i) helpers_.emplace_back([this, i] { help(i); });
  }

  ~ThreadPool() {
    stopping_.store(true);
    state_.fetch_add(kEpoch);
    wake_all(state_);
    for (std::thread& helper : helpers_) helper.join();
  }

 private:
  void run_job(int64_t chunks, void (*task)(void*, int64_t), void* context) {
    // A second caller, or a task that calls back, works alone rather than waits.
    if (threads == 1 || chunks < 2 || busy_.test_and_set(std::memory_order_acquire)) {
      for (int64_t chunk = 0; chunk < chunks; ++chunk) task(context, chunk);
      return;
    }
    if (!cpus_.empty()) move_caller();
    task_ = task;
    context_ = context;
    for (int64_t i = 0; i < threads; ++i) {
      ranges_[i].next.store(chunks * i / threads, std::memory_order_relaxed);
      ranges_[i].end = chunks * (i + 1) / threads;
    }
    // Nobody is inside a closed job, so the state is the epoch alone.
    uint32_t epoch = state_.load(std::memory_order_relaxed) + kEpoch;
    state_.store(epoch | kOpen);
    if (sleepers_.load() > 0) wake_all(state_);
    work(0);
    uint32_t closed = state_.fetch_and(~kOpen) & ~kOpen;
    wait_until_empty(closed);
    busy_.clear(std::memory_order_release);
  }

  // Once for each thread that calls. A system that refuses it runs it where it likes.
  void move_caller() {
    static thread_local const ThreadPool* moved_for = nullptr;
    if (moved_for == this) return;
    moved_for = this;
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    if (sched_setaffinity(0, sizeof allowed, &cpus_[0]) == 0) sched_setaffinity(0, sizeof allowed, &allowed);
  }

  // Runs chunks until there are none: those of range `mine`, then what the others have left, first those of its node.
  void work(int64_t mine) {
    Node node = nodes_[mine];
    int64_t near = node.end - node.begin;
    for (int64_t i = 0; i < threads; ++i) {
      Range& range =
          ranges_[i < near ? node.begin + (mine - node.begin + i) % near : (node.begin + i) % threads];
      while (true) {
        int64_t chunk = range.next.fetch_add(1, std::memory_order_relaxed);
        if (chunk >= range.end) break;
        task_(context_, chunk);
      }
    }
  }

  void wait_until_empty(uint32_t state) {
    auto until = std::chrono::steady_clock::now() + kSpin;
    while (state & kInside) {
      pause();
      if (std::chrono::steady_clock::now() > until) {
        sleepers_.fetch_add(1);
        sleep_while(state_, state);
        sleepers_.fetch_sub(1);
      }
      state = state_.load();
    }
  }

  void help(int64_t mine) {
    if (!cpus_.empty()) sched_setaffinity(0, sizeof cpus_[mine], &cpus_[mine]);
    uint32_t seen = 0;  // the epoch of the last job that this helper was in
    while (true) {
      uint32_t state = wait_for_job(seen);
      if (stopping_.load()) return;
      if (!state_.compare_exchange_weak(state, state + 1)) continue;
      seen = state & ~(kInside | kOpen);
      work(mine);
      // The last one out wakes a caller that sleeps.
      uint32_t left = state_.fetch_sub(1) - 1;
      if ((left & (kInside | kOpen)) == 0 && sleepers_.load() > 0) wake_all(state_);
    }
  }

  // The state of an open job other than the one seen; returns too when the pool stops.
  uint32_t wait_for_job(uint32_t seen) {
    auto until = std::chrono::steady_clock::now() + kSpin;
    while (true) {
      uint32_t state = state_.load();
      bool is_new = (state & kOpen) && (state & ~(kInside | kOpen)) != seen;
      if (is_new || stopping_.load()) return state;
      pause();
      if (std::chrono::steady_clock::now() < until) continue;
      sleepers_.fetch_add(1);
      sleep_while(state_, state);
      sleepers_.fetch_sub(1);
      until = std::chrono::steady_clock::now() + kSpin;
    }
  }

  std::unique_ptr<Range[]> ranges_;
  std::vector<Node> nodes_;      // of each thread
  std::vector<cpu_set_t> cpus_;  // of each thread's node; empty where there is one
  void (*task_)(void*, int64_t) = nullptr;
  void* context_ = nullptr;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  std::atomic<bool> stopping_{false};
  alignas(64) std::atomic<uint32_t> state_{0};
  alignas(64) std::atomic<uint32_t> sleepers_{0};
  std::vector<std::thread> helpers_;
};

}  // namespace

// cpus: of each thread's node, neighbours sharing one; null where all threads may run anywhere.
MAX_EXPORT Pool* thread_pool_create(int64_t threads, const cpu_set_t* cpus) {
  return new ThreadPool(std::clamp<int64_t>(threads, 1, kMostThreads), cpus);
}

MAX_EXPORT void thread_pool_destroy(Pool* pool) { delete static_cast<ThreadPool*>(pool); }
