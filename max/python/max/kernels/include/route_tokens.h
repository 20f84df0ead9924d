// Arguments of `max::route_tokens`.

#pragma once

#include "elements.h"
#include "pool.h"

namespace max {

// As reference.py counts them.
enum RoutingScores : int32_t { kSoftmax, kSigmoid, kSoftmaxOfChosen, kSparseMixer };

struct RouteTokensArgs {
  const void* logits;  // [rows, experts]
  const float* bias;   // [experts], added for the choice alone; or null
  float* routes;       // [rows, 2, top_k]: experts by number, then their weights
  int64_t rows;
  int64_t experts;
  int64_t top_k;
  int64_t groups;      // of experts in sequence, of which the best ones are chosen from; 1 for no groups
  int64_t top_groups;
  int64_t best_of_group;  // how many of a group's scores make its own
  float scale;            // of the weights
  float jitter;           // of kSparseMixer
  int32_t scores;         // a RoutingScores
  int32_t renormalizes;   // whether weights are made to sum up to 1, before they are scaled
  ElementType type;       // of the logits
};

}  // namespace max
