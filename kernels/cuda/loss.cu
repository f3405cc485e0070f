// Softmax and cross-entropy. One block of ROW_THREADS threads for each row of logits.

// The values of a block's threads become one: their sum, or the largest. Halves are combined in a fixed order. A NaN may get
// lost among the largest, but exp of it is in the sum.
// ``values``: ROW_THREADS numbers of shared memory.
template <bool SUM>
__device__ Real together(Real value, Real* values) {
  const int t = (int)threadIdx.x;
  values[t] = value;
  for (int half = ROW_THREADS / 2; half > 0; half /= 2) {
    __syncthreads();
    if (t < half) {
      const Real other = values[t + half];
      values[t] = SUM ? values[t] + other : (other > values[t] ? other : values[t]);
    }
  }
  __syncthreads();
  const Real result = values[0];
  __syncthreads();  // the next call overwrites the values
  return result;
}

// loss[n] = log(sum of exp(x[n])) - x[n, label],   grad[n] = d loss[n] / d x[n] = softmax(x[n]) - (1 at the label);
// both are 0 where the label is ``ignore``. A label that is no class sets *bad to C (every writer writes the same, so the order
// of writing does not matter), makes the loss NaN and the gradient 0. The largest logit is taken out: no exponential overflows.
extern "C" __global__ void softmax_cross_entropy(const Real* __restrict__ x, const long long* __restrict__ labels,
                                                 Real* __restrict__ loss, Real* __restrict__ grad, int* __restrict__ bad,
                                                 long long ignore, Index C, Index rows) {
  __shared__ Real values[ROW_THREADS];
  const Index t = (Index)threadIdx.x;
  for (Index n = (Index)blockIdx.x; n < rows; n += (Index)gridDim.x) {
    const Real* row = x + n * C;
    Real* dx = grad + n * C;
    const long long label = labels[n];
    if (label == ignore || label < 0 || label >= (long long)C) {  // the same for all threads of the block: none waits alone
      for (Index c = t; c < C; c += ROW_THREADS) dx[c] = 0;
      if (t == 0) {
        const Real zero = 0;
        loss[n] = label == ignore ? zero : zero / zero;
        if (label != ignore) *bad = (int)C;
      }
      continue;
    }
    Real largest = minus_infinity();
    for (Index c = t; c < C; c += ROW_THREADS) largest = row[c] > largest ? row[c] : largest;
    largest = together<false>(largest, values);
    Real sum = 0;
    for (Index c = t; c < C; c += ROW_THREADS) sum += exp(row[c] - largest);
    sum = together<true>(sum, values);
    for (Index c = t; c < C; c += ROW_THREADS) dx[c] = exp(row[c] - largest) / sum - (c == (Index)label ? (Real)1 : (Real)0);
    if (t == 0) loss[n] = log(sum) - (row[label] - largest);
  }
}
