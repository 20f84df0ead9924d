// max::route_tokens on the CPU. Of equal scores the first one is chosen.

#include "../include/route_tokens.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using namespace max;

constexpr float kHidden = -std::numeric_limits<float>::infinity();

// One row at a time, in memory of its own.
class Router {
 public:
  explicit Router(const RouteTokensArgs& args)
      : args_(args), logits_(args.experts), scores_(args.experts), choice_(args.experts) {}

  void route(int64_t row) {
    float* chosen = args_.routes + row * 2 * args_.top_k;
    float* weights = chosen + args_.top_k;
    read(row);
    if (args_.scores == kSparseMixer) {
      mix(chosen, weights);
    } else {
      score();
      hide_groups();
      for (int64_t k = 0; k < args_.top_k; ++k) {
        int64_t best = best_of(choice_);
        chosen[k] = static_cast<float>(best);
        weights[k] = scores_[best];
        choice_[best] = kHidden;
      }
      if (args_.scores == kSoftmaxOfChosen) softmax(weights, args_.top_k);
    }
    finish(weights);
  }

 private:
  void read(int64_t row) {
    for (int64_t e = 0; e < args_.experts; ++e)
      logits_[e] = args_.type == kFloat32
                       ? static_cast<const float*>(args_.logits)[row * args_.experts + e]
                       : load(static_cast<const bfloat16*>(args_.logits)[row * args_.experts + e]);
  }

  static int64_t best_of(const std::vector<float>& x) {
    return std::max_element(x.begin(), x.end()) - x.begin();
  }

  static void softmax(float* x, int64_t count) {
    float most = *std::max_element(x, x + count), sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += x[i] = std::exp(x[i] - most);
    for (int64_t i = 0; i < count; ++i) x[i] /= sum;
  }

  // Sets the scores, and what is chosen by.
  void score() {
    scores_ = logits_;
    if (args_.scores == kSoftmax) softmax(scores_.data(), args_.experts);
    if (args_.scores == kSigmoid)
      for (float& score : scores_) score = 1.0f / (1.0f + std::exp(-score));
    choice_ = scores_;
    for (int64_t e = 0; args_.bias != nullptr && e < args_.experts; ++e) choice_[e] += args_.bias[e];
  }

  // Leaves the experts of the best groups.
  void hide_groups() {
    if (args_.groups == args_.top_groups) return;
    int64_t size = args_.experts / args_.groups;
    std::vector<float> group(size), sums(args_.groups);
    for (int64_t g = 0; g < args_.groups; ++g) {
      std::copy_n(choice_.begin() + g * size, size, group.begin());
      std::partial_sort(group.begin(), group.begin() + args_.best_of_group, group.end(), std::greater<float>());
      for (int64_t i = 0; i < args_.best_of_group; ++i) sums[g] += group[i];
    }
    std::vector<bool> kept(args_.groups);
    for (int64_t i = 0; i < args_.top_groups; ++i) {
      int64_t best = best_of(sums);
      kept[best] = true;
      sums[best] = kHidden;
    }
    for (int64_t e = 0; e < args_.experts; ++e)
      if (!kept[e / size]) choice_[e] = kHidden;
  }

  // Each expert's weight is that of a softmax over logits near the largest that are left.
  void mix(float* chosen, float* weights) {
    choice_ = logits_;
    for (int64_t k = 0; k < args_.top_k; ++k) {
      int64_t best = best_of(choice_);
      float most = choice_[best], sum = 0;
      for (int64_t e = 0; e < args_.experts; ++e) {
        float factor = std::max(std::fabs(logits_[e]), most);
        bool is_near = !((most - logits_[e]) / factor > 2 * args_.jitter);
        if (is_near && choice_[e] != kHidden) sum += std::exp(choice_[e] - most);
      }
      chosen[k] = static_cast<float>(best);
      weights[k] = 1.0f / sum;
      choice_[best] = kHidden;
    }
  }

  void finish(float* weights) {
    float sum = 0;
    for (int64_t k = 0; k < args_.top_k; ++k) sum += weights[k];
    float factor = args_.renormalizes ? args_.scale / (sum + 1e-20f) : args_.scale;
    for (int64_t k = 0; k < args_.top_k; ++k) weights[k] *= factor;
  }

  const RouteTokensArgs& args_;
  std::vector<float> logits_, scores_, choice_;
};

}  // namespace

MAX_EXPORT void route_tokens(const RouteTokensArgs* args, Pool* pool) {
  parallel_for(pool, args->rows, 32, [&](int64_t first, int64_t last) {
    Router router(*args);
    for (int64_t row = first; row < last; ++row) router.route(row);
  });
}
