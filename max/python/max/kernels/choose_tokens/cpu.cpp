// max::choose_tokens on the CPU: a token of each row by its probability, among the best ones.
//
// Tokens are put into buckets in their order, by their ids or ranked, and only the buckets in which a
// limit or the choice falls are looked at token by token. Masses are whole numbers, so that their sums
// are exact in any order: 2^40 is the most likely token's; what is less likely than 2^-40 of that is
// never chosen.

#include "../include/choose_tokens.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../include/functions.h"
#include "../include/pool.h"

namespace {

using namespace max;

constexpr float kUnit = 1099511627776.0f;  // 2^40
// Logits so far below the best have no mass: 2^-40 is e^-27.7.
constexpr float kDeepest = 28.0f;
// Most choices fall so near to the best; tokens farther below are ranked when they are needed.
constexpr float kShallow = 4.0f;
constexpr float kBucketsPerLogit = 64.0f;
constexpr int64_t kRankBuckets = static_cast<int64_t>(kDeepest * kBucketsPerLogit);
constexpr int64_t kRun = 1024;  // tokens of a bucket where tokens are not ranked
constexpr int64_t kBlock = 64;

struct Kept {
  int64_t count;
  int64_t mass;
};

struct Member {
  int32_t token;
  float weight;  // of which the best token's is 1
  int64_t mass() const { return static_cast<int64_t>(weight * kUnit); }
};

// The logits of a row.
class Row {
 public:
  Row(const float* logits, int64_t size) : size(size), logits_(logits) {
    Floats most = broadcast(-std::numeric_limits<float>::infinity());
    for (int64_t i = 0; i < size; i += kFloats) {
      Floats x = load(i);
      most = x > most ? x : most;
    }
    float lanes[kFloats];
    store_floats(lanes, most);
    best_ = *std::max_element(lanes, lanes + kFloats);
  }

  float logit(int64_t token) const { return logits_[token]; }

  // How far tokens [first, first + kFloats) are below the best one, which may be infinite; infinite
  // where there is no token.
  Floats below(int64_t first) const {
    Floats x = load(first), best = broadcast(best_);
    return x == best ? zeros() : best - x;
  }

  // The weights of tokens [first, last), rounded up to whole vectors.
  void weigh(int64_t first, int64_t last, float* weights) const {
    for (int64_t i = first; i < last; i += kFloats)
      store_floats(weights + i - first, exponential(zeros() - below(i)));
  }

  int64_t mass_of(int64_t first, int64_t last) const {
    float weights[kRun];
    int64_t sum = 0;
    for (; first < last; first += kRun) {
      int64_t count = std::min(kRun, last - first);
      weigh(first, first + count, weights);
      for (int64_t i = 0; i < count; ++i) sum += static_cast<int64_t>(weights[i] * kUnit);
    }
    return sum;
  }

  const int64_t size;

 private:
  Floats load(int64_t first) const {
    if (first + kFloats <= size) return load_floats(logits_ + first);
    float lanes[kFloats];
    std::fill_n(lanes, kFloats, -std::numeric_limits<float>::infinity());
    std::copy(logits_ + std::min(first, size), logits_ + size, lanes);
    return load_floats(lanes);
  }

  const float* logits_;
  float best_;
};

// All tokens in the order of their ids.
class ById {
 public:
  explicit ById(const Row& row) : row_(row) {
    for (int64_t first = 0; first < row.size; first += kRun)
      masses_.push_back(row.mass_of(first, std::min(first + kRun, row.size)));
  }

  int64_t count(int64_t bucket) const { return std::min(kRun, row_.size - bucket * kRun); }
  int64_t mass(int64_t bucket) const { return masses_[bucket]; }
  bool is_followed(int64_t bucket) const {
    return std::any_of(masses_.begin() + bucket + 1, masses_.end(), [](int64_t m) { return m > 0; });
  }

  const std::vector<Member>& members(int64_t bucket) {
    float weights[kRun];
    int64_t first = bucket * kRun;
    row_.weigh(first, first + count(bucket), weights);
    members_.clear();
    for (int64_t i = 0; i < count(bucket); ++i)
      members_.push_back({static_cast<int32_t>(first + i), weights[i]});
    return members_;
  }

  Kept all() const {
    Kept kept{row_.size, 0};
    for (int64_t m : masses_) kept.mass += m;
    return kept;
  }

 private:
  const Row& row_;
  std::vector<int64_t> masses_;  // of the buckets
  std::vector<Member> members_;
};

// The tokens that have a mass, ranked: the likelier first, then the smaller id.
class Ranked {
 public:
  explicit Ranked(const Row& row) : row_(row), counts_(kRankBuckets), masses_(kRankBuckets) {}

  int64_t count(int64_t bucket) const { return counts_[bucket]; }
  int64_t mass(int64_t bucket) const { return masses_[bucket]; }
  // Whether a later bucket has mass. If it has none of those that are ranked, it has none at all.
  bool is_followed(int64_t bucket) const {
    return std::any_of(masses_.begin() + bucket + 1, masses_.end(), [](int64_t m) { return m > 0; });
  }

  const std::vector<Member>& members(int64_t bucket) {
    members_.clear();
    for (const Found& found : found_)
      if (found.bucket == bucket) members_.push_back(found.member);
    std::stable_sort(members_.begin(), members_.end(), [&](const Member& a, const Member& b) {
      return row_.logit(a.token) > row_.logit(b.token);
    });
    return members_;
  }

  // The first tokens, at most k and at least one: until those before have the mass `most`, or a
  // weight is below `least`.
  Kept keep(int64_t k, double most, double least) {
    Kept kept{0, 0};
    for (int64_t b = 0; b < kRankBuckets; ++b) {
      if (b >= depth_ * kBucketsPerLogit) deepen();
      bool is_light = least > 0 && std::exp(-(b + 2) / kBucketsPerLogit) < least;
      if (kept.count + counts_[b] <= k && double(kept.mass + masses_[b]) <= most && !is_light) {
        kept.count += counts_[b];
        kept.mass += masses_[b];
        continue;
      }
      for (const Member& member : members(b)) {
        bool is_within = kept.count < k && kept.mass < most && member.weight >= least;
        if (kept.count > 0 && !is_within) return kept;
        ++kept.count;
        kept.mass += member.mass();
      }
    }
    return kept;
  }

 private:
  struct Found {
    Member member;
    int32_t bucket;
  };

  // Ranks the tokens that are up to twice as far below the best one.
  void deepen() {
    float known = depth_;
    depth_ = known == 0 ? kShallow : std::min(2 * known, kDeepest);
    float next = depth_, below[kBlock], weights[kBlock];
    for (int64_t first = 0; first < row_.size; first += kBlock) {
      for (int64_t i = 0; i < kBlock; i += kFloats) store_floats(below + i, row_.below(first + i));
      int32_t is_any = 0;
      for (int64_t i = 0; i < kBlock; ++i) is_any |= (below[i] >= known) & (below[i] < next);
      if (!is_any) continue;
      row_.weigh(first, first + kBlock, weights);
      for (int64_t i = 0; i < kBlock; ++i)
        if (below[i] >= known && below[i] < next)
          add({static_cast<int32_t>(first + i), weights[i]}, below[i]);
    }
  }

  void add(const Member& member, float below) {
    int32_t bucket = static_cast<int32_t>(below * kBucketsPerLogit);
    ++counts_[bucket];
    masses_[bucket] += member.mass();
    found_.push_back({member, bucket});
  }

  const Row& row_;
  float depth_ = 0;              // tokens less far below the best one are ranked
  std::vector<Found> found_;     // in the order of their ids within a bucket
  std::vector<int64_t> counts_;  // of the buckets
  std::vector<int64_t> masses_;  // likewise
  std::vector<Member> members_;
};

// The first of the kept tokens with which their mass exceeds its share `uniform` of the whole.
template <typename Order>
int64_t choose(Order& order, const Kept& kept, double uniform) {
  double target = uniform * kept.mass;
  Kept passed{0, 0};
  int64_t possible = 0;
  for (int64_t b = 0; passed.count < kept.count; ++b) {
    bool is_passed = double(passed.mass + order.mass(b)) <= target;
    if (is_passed && passed.count + order.count(b) < kept.count && order.is_followed(b)) {
      passed.count += order.count(b);
      passed.mass += order.mass(b);
      continue;
    }
    for (const Member& member : order.members(b)) {
      if (member.mass() > 0) possible = member.token;
      passed.mass += member.mass();
      if (passed.mass > target || ++passed.count == kept.count) return possible;
    }
  }
  return possible;
}

}  // namespace

MAX_EXPORT void choose_tokens(const ChooseTokensArgs* args, Pool* pool) {
  parallel_for(pool, args->rows, 1, [&](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) {
      constexpr double kAll = std::numeric_limits<double>::infinity();
      int64_t k = args->top_k[r];
      bool has_k = k < args->vocab_size, has_p = args->top_p[r] < 1;
      Row row(args->logits + r * args->vocab_size, args->vocab_size);
      if (!has_k && !has_p && !(args->min_p[r] > 0)) {
        ById order(row);
        args->tokens[r] = choose(order, order.all(), args->uniforms[r]);
        continue;
      }
      Ranked order(row);
      double most = kAll;
      if (has_p)
        most = args->top_p[r] * (has_k ? order.keep(k, kAll, 0).mass : row.mass_of(0, row.size));
      args->tokens[r] = choose(order, order.keep(k, most, args->min_p[r]), args->uniforms[r]);
    }
  });
}
