// max::choose_tokens on the CPU: a token of each row by its probability, among the best ones.
//
// Tokens are put into buckets in the order in which they are ranked, and only the buckets in which a
// limit or the choice falls are sorted. Masses are whole numbers, so that their sums are exact in any
// order: 2^40 is the most likely token's; what is less likely than 2^-40 of that is never chosen.

#include "../include/choose_tokens.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../include/exponential.h"
#include "../include/pool.h"

namespace {

using namespace max;

constexpr double kUnit = 1099511627776.0;  // 2^40
// Logits so far below the best have no mass: 2^-40 is e^-27.7.
constexpr float kDeepest = 28.0f;
constexpr float kBucketsPerLogit = 64.0f;
constexpr int64_t kRankBuckets = static_cast<int64_t>(kDeepest * kBucketsPerLogit);
constexpr uint16_t kNoBucket = 0xffff;
constexpr int64_t kRun = 1024;  // tokens of a bucket where tokens are not ranked

struct Kept {
  int64_t count;
  int64_t mass;
};

// The tokens of a row, in the order of their ids or ranked: the likelier first, then the smaller id.
class Row {
 public:
  Row(const float* logits, int64_t vocab_size, bool is_ranked)
      : logits_(logits), size_(vocab_size), is_ranked_(is_ranked) {
    int64_t buckets = is_ranked ? kRankBuckets : (size_ + kRun - 1) / kRun;
    weights_.resize(size_ + kFloats);
    buckets_.resize(is_ranked ? size_ : 0);
    masses_.assign(buckets, 0);
    counts_.assign(buckets, 0);
    weigh();
  }

  // The first tokens, at most k and at least one: until those before have the mass `most`, or a
  // weight, of which the best token's is 1, is below `least`.
  Kept keep(int64_t k, double most, double least) {
    Kept kept{0, 0};
    for (int64_t b = 0; b < num_buckets(); ++b) {
      bool is_light = least > 0 && std::exp(-(b + 2) / kBucketsPerLogit) < least;
      if (kept.count + counts_[b] <= k && double(kept.mass + masses_[b]) <= most && !is_light) {
        kept.count += counts_[b];
        kept.mass += masses_[b];
        continue;
      }
      for (int32_t token : members(b)) {
        bool is_within = kept.count < k && kept.mass < most && weights_[token] >= least;
        if (kept.count > 0 && !is_within) return kept;
        ++kept.count;
        kept.mass += mass(token);
      }
    }
    return kept;
  }

  // The first of the kept tokens with which their mass exceeds its share `uniform` of the whole.
  int64_t choose(const Kept& kept, double uniform) {
    double target = uniform * kept.mass;
    Kept passed{0, 0};
    int64_t possible = 0;
    for (int64_t b = 0; b < num_buckets() && passed.count < kept.count; ++b) {
      bool is_passed = double(passed.mass + masses_[b]) <= target;
      if (is_passed && passed.count + counts_[b] < kept.count && is_followed(b)) {
        passed.count += counts_[b];
        passed.mass += masses_[b];
        continue;
      }
      for (int32_t token : members(b)) {
        if (mass(token) > 0) possible = token;
        passed.mass += mass(token);
        if (passed.mass > target || ++passed.count == kept.count) return possible;
      }
    }
    return possible;
  }

 private:
  int64_t mass(int64_t token) const { return static_cast<int64_t>(weights_[token] * kUnit); }

  // Whether a later bucket has mass.
  bool is_followed(int64_t bucket) const {
    return std::any_of(masses_.begin() + bucket + 1, masses_.end(), [](int64_t m) { return m > 0; });
  }

  int64_t num_buckets() const { return static_cast<int64_t>(counts_.size()); }

  void weigh() {
    float best = *std::max_element(logits_, logits_ + size_);
    float below[kFloats];
    for (int64_t i = 0; i < size_; i += kFloats) {
      int64_t count = std::min<int64_t>(kFloats, size_ - i);
      // The best one may be infinite.
      for (int64_t j = 0; j < kFloats; ++j)
        below[j] = j < count && logits_[i + j] != best ? best - logits_[i + j] : 0.0f;
      store_floats(&weights_[i], exponential(zeros() - load_floats(below)));
      if (is_ranked_)
        for (int64_t j = 0; j < count; ++j) rank(i + j, below[j]);
    }
    if (is_ranked_) return;
    for (int64_t i = 0; i < size_; ++i) masses_[i / kRun] += mass(i);
    for (int64_t b = 0; b < num_buckets(); ++b) counts_[b] = std::min(kRun, size_ - b * kRun);
  }

  void rank(int64_t token, float below) {
    buckets_[token] = kNoBucket;
    if (!(below < kDeepest)) return;
    buckets_[token] = static_cast<uint16_t>(below * kBucketsPerLogit);
    ++counts_[buckets_[token]];
    masses_[buckets_[token]] += mass(token);
  }

  // The tokens of a bucket in their order.
  const std::vector<int32_t>& members(int64_t bucket) {
    members_.clear();
    int64_t first = is_ranked_ ? 0 : bucket * kRun;
    int64_t last = is_ranked_ ? size_ : std::min<int64_t>(first + kRun, size_);
    for (int64_t i = first; i < last; ++i)
      if (!is_ranked_ || buckets_[i] == bucket) members_.push_back(static_cast<int32_t>(i));
    if (is_ranked_)
      std::stable_sort(members_.begin(), members_.end(),
                       [&](int32_t a, int32_t b) { return logits_[a] > logits_[b]; });
    return members_;
  }

  const float* logits_;
  int64_t size_;
  bool is_ranked_;
  std::vector<float> weights_;  // of which the best token's is 1
  std::vector<uint16_t> buckets_;
  std::vector<int64_t> masses_;  // of the buckets
  std::vector<int64_t> counts_;   // likewise
  std::vector<int32_t> members_;
};

}  // namespace

MAX_EXPORT void choose_tokens(const ChooseTokensArgs* args, Pool* pool) {
  parallel_for(pool, args->rows, 1, [&](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) {
      int64_t k = args->top_k[r];
      bool has_k = k < args->vocab_size, has_p = args->top_p[r] < 1;
      bool is_limited = has_k || has_p || args->min_p[r] > 0;
      Row row(args->logits + r * args->vocab_size, args->vocab_size, is_limited);
      constexpr double kAll = std::numeric_limits<double>::infinity();
      double most = has_p ? args->top_p[r] * row.keep(k, kAll, 0).mass : kAll;
      args->tokens[r] = row.choose(row.keep(k, most, args->min_p[r]), args->uniforms[r]);
    }
  });
}
