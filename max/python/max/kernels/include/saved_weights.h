// Layers of which adapters have whole weights (PEFT's modules_to_save): rows of such an adapter are those of its
// weight, and not of the model's own. Slots and panels are lora.h's.

#pragma once

#include "lora.h"

struct SavedLinearArgs {
  void* y;        // [rows, outputs], changed in place
  const void* x;  // [rows, inputs]
  const int32_t* slots;
  const void* weights;      // [num_slots][panels][inputs][16]
  const int32_t* is_saved;  // [num_slots], 0 where the adapter has no weight for this layer
  int64_t rows;
  int64_t inputs;
  int64_t outputs;
  int64_t num_slots;
  max::ElementType type;         // of y and x
  max::ElementType adapter_type;  // of the weights
};

struct SavedEmbeddingArgs {
  void* y;             // [rows, outputs], changed in place
  const int64_t* ids;  // [rows]; one beyond the table leaves the row as it is
  const int32_t* slots;
  const void* tables;  // [num_slots][inputs][outputs]
  const int32_t* is_saved;
  int64_t rows;
  int64_t inputs;  // rows of a table
  int64_t outputs;
  int64_t num_slots;
  max::ElementType type;         // of y
  max::ElementType adapter_type;  // of the tables
};
