// x @ weight.T + bias, with the weight's blocks in panels (quantized_blocks.h) and activations rounded to bytes (quantized_activations.h).
//
// Integer sums are exact, float sums (quantized_products.h) are added to an output in sequence, whatever
// the number of rows and threads. So a row's bits do not depend on its batch.

#pragma once

#include "decoded_grids.h"
#include "encodings.h"
#include "quantized_products.h"
#include "row_blocks.h"

namespace max {

// Elements of a panel's rows that stay in cache for all rows.
constexpr int64_t kSlice = 512;
// Bytes of a slice that is decoded for all rows (decoded_grids.h).
constexpr int64_t kDecodedSlice = kSlice / kGridElements * DecodedUnit<2>::kUnit;
// Rows whose sums a thread keeps beside them.
constexpr int64_t kRowsOfBlocks = 96;
// Activations that are rounded as one piece of work, of each row of a block; and together, to be worth other threads.
constexpr int64_t kArranged = 2048, kElementsWorthThreads = 1 << 14;
// Handing work to other threads costs about as much as this many blocks of a panel.
constexpr int64_t kBlocksWorthThreads = 256;

template <typename Element>
class LinearOfBlocks {
 public:
  explicit LinearOfBlocks(const PackedLinearArgs& args)
      : args_(args), blocks_{args.rows, kTileRows} {}

  void run(Pool* pool) {
    if (args_.rows == 0 || args_.num_weights == 0) return;
    int64_t panels = 0;
    for (int64_t i = 0; i < args_.num_weights; ++i) panels += panels_of<kOutputs>(args_.weights[i]);
    if (panels * blocks_.count * args_.in_features / kBlockElements < kBlocksWorthThreads) pool = nullptr;
    arrange_activations(pool);
    parallel_for(pool, items(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; ++item) multiply_item(item);
    });
  }

  // For several products at once: `prepare` each, then do all items of each, in any order.
  void prepare() { arrange_activations(nullptr); }
  int64_t items() const { return shared_out().count(); }
  void multiply_item(int64_t item) {
    shared_out().call(item, [&](const PackedWeight& weight, int64_t panel, int64_t first, int64_t last) {
      with_encoding(weight.encoding, [&](auto e) { multiply<decltype(e)>(weight, panel, first, last); });
    });
  }

 private:
  PanelItems<kOutputs> shared_out() const {
    return {args_.weights, args_.num_weights, blocks_, kRowsOfBlocks};
  }

  // Shared out as blocks of rows, kArranged elements of each.
  void arrange_activations(Pool* pool) {
    if (args_.rows * args_.in_features < kElementsWorthThreads) pool = nullptr;
    int64_t slices = (args_.in_features + kArranged - 1) / kArranged;
    with_encoding(args_.weights[0].encoding, [&](auto e) {
      parallel_for(pool, blocks_.count * slices, 1, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i)
          arrange<decltype(e)::kRounded>(i / slices, i % slices * kArranged);
      });
    });
  }

  // Of the block of rows that begins with `row`, from element k on; `count` have one scale.
  template <int64_t count>
  char* activations(int64_t row, int64_t rows, int64_t k) const {
    int64_t begin = row * args_.in_features + rows * k;
    return static_cast<char*>(args_.workspace) + begin / count * sizeof(Activations<count, 1>);
  }

  // Rounds kArranged activations of each row of a block, from element `first` on; `count` have one scale.
  template <int64_t count>
  void arrange(int64_t block, int64_t first) {
    constexpr int64_t pieces = kUnitElements / count, words = sizeof(Activations<count, 1>) / sizeof(uint32_t);
    int64_t begin = blocks_.begin(block), rows = blocks_.begin(block + 1) - begin;
    int64_t last = std::min(first + kArranged, args_.in_features);
    for (int64_t k = first; k < last; k += kUnitElements) {
      auto to = activations<count>(begin, rows, k);
      Activations<count, 1> rounded[kTileRows][pieces];
      int64_t here = std::min(pieces, (last - k) / count);
      for (int64_t r = 0; r < rows; ++r) {
        const Element* x = static_cast<const Element*>(args_.x) + (begin + r) * args_.x_stride + k;
        for (int64_t i = 0; i < here; ++i) {
          Rounded<count> piece;
          round_activations(x + i * count, &piece);
          put_activations(piece, rows == 1 ? reinterpret_cast<Activations<count, 1>*>(to) + i : &rounded[r][i]);
        }
      }
      if (rows > 1)
        put_side_by_side(reinterpret_cast<const uint32_t*>(rounded), pieces * words, here * words, rows,
                         reinterpret_cast<uint32_t*>(to));
    }
  }

  // Whether so many rows take longer to multiply than weights to read, which is then done ahead; with
  // fewer rows it would only be disturbed.
  template <typename E>
  static constexpr bool is_slow(int64_t rows) {
    return rows * 20 > 3 * (E::kUnit / unit_elements<E>());
  }

  // Blocks of rows [first, last) times one panel.
  template <typename E>
  void multiply(const PackedWeight& weight, int64_t panel, int64_t first, int64_t last) {
    alignas(64) float sums[kRowsOfBlocks * kOutputs];
    int64_t units = args_.in_features / unit_elements<E>();
    int64_t slice = kSlice / unit_elements<E>();
    auto packed = static_cast<const uint8_t*>(weight.packed) + panel * units * E::kUnit;
    int64_t top = blocks_.begin(first), end = blocks_.begin(last);
    std::fill(sums, sums + (end - top) * kOutputs, 0.0f);
    constexpr auto tile_rows = std::make_integer_sequence<int, kTileRows>();
    alignas(64) uint8_t decoded[kHasGrid<E> ? kDecodedSlice : 1];
    for (int64_t unit = 0; unit < units; unit += slice) {
      int64_t count = std::min(slice, units - unit);
      if constexpr (kHasGrid<E>)
        for (int64_t i = 0; i < count; ++i)
          decode_grid_unit<E>(packed + (unit + i) * E::kUnit, *weight.grid, decoded + i * E::Multiplied::kUnit);
      for (int64_t block = first; block < last; ++block) {
        int64_t begin = blocks_.begin(block), rows = blocks_.begin(block + 1) - begin;
        const char* x = activations<E::kRounded>(begin, rows, unit * unit_elements<E>());
        float* to = sums + (begin - top) * kOutputs;
        if constexpr (kHasGrid<E>) {
          multiply_rows<typename E::Multiplied>(tile_rows, rows, decoded, x, count, Ahead{}, to);
        } else {
          Ahead ahead{is_slow<E>(end - top) ? slice * E::kUnit : 0, block - first, last - first};
          multiply_rows<E>(tile_rows, rows, packed + unit * E::kUnit, x, count, ahead, to);
        }
      }
    }
    write_sums<kOutputs, Element>(weight, panel, top, end, sums);
  }

  const PackedLinearArgs& args_;
  RowBlocks blocks_;
};

template <typename E>
void pack_blocks(const PackArgs& args, Pool* pool) {
  int64_t units = args.in_features / unit_elements<E>();
  int64_t panel_bytes = units * E::kUnit;
  int64_t panels = (args.out_features + kOutputs - 1) / kOutputs;
  parallel_for(pool, panels, 1, [&](int64_t first, int64_t last) {
    for (int64_t panel = first; panel < last; ++panel) {
      uint8_t* to = static_cast<uint8_t*>(args.packed) + panel * panel_bytes;
      std::memset(to, 0, panel_bytes);
      int64_t count = std::min(kOutputs, args.out_features - panel * kOutputs);
      for (int64_t unit = 0; unit < units; ++unit, to += E::kUnit)
        for (int64_t output = 0; output < count; ++output) {
          const uint8_t* from =
              static_cast<const uint8_t*>(args.rows) + (panel * kOutputs + output) * args.row_bytes + unit * E::kFileBytes;
          if constexpr (kHasGrid<E>)
            pack_grid_block<E>(from, output, to);
          else
            for (int64_t sub = 0; sub < E::kSubs; ++sub) {
              uint8_t* block = to + E::kHeader + sub * E::kBlock;
              Decoded decoded;
              E::decode(from, sub, &decoded);
              E::put_scales(decoded, to, sub, output);
              E::Elements::put(decoded.elements, block + E::kElementsAt, output);
            }
        }
    }
  });
}

}  // namespace max
