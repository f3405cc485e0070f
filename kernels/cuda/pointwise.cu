// One thread for each entry: the epilogue of a convolution, dropout, the steps of the optimisers.

// y = max(y + b[channel], 0) in place. NaN stays NaN.
extern "C" __global__ void bias_relu(Real* __restrict__ y, const Real* __restrict__ b, Index C, Index total) {
  FOR_EACH(k, total) {
    const Real value = y[k] + b[k % C];
    y[k] = value < 0 ? (Real)0 : value;
  }
}

// dx = g where the value y of the ReLU is positive, else 0.
extern "C" __global__ void relu_mask(const Real* __restrict__ g, const Real* __restrict__ y, Real* __restrict__ dx, Index total) {
  FOR_EACH(k, total) dx[k] = y[k] > 0 ? g[k] : (Real)0;
}

// Does entry i survive dropout? The hash of loops.dropout_keep: mix(i * 0x9E3779B1 + key) >= threshold, in 32 bits.
__device__ inline bool survives(Index i, unsigned int key, unsigned int threshold) {
  unsigned int h = (unsigned int)i * 0x9E3779B1u + key;
  h = (h ^ (h >> 16)) * 0x85EBCA6Bu;  // the finaliser of MurmurHash3 (Austin Appleby, public domain)
  h = (h ^ (h >> 13)) * 0xC2B2AE35u;
  return (h ^ (h >> 16)) >= threshold;
}

// keep[i] = does entry i survive?
extern "C" __global__ void dropout_keep(bool* __restrict__ keep, unsigned int key, unsigned int threshold, Index total) {
  FOR_EACH(k, total) keep[k] = survives(k, key, threshold);
}

// y = x * scale where entry i survives, else 0 (even if it was NaN). No mask is stored: the adjoint is the same call on g.
extern "C" __global__ void dropout(const Real* __restrict__ x, Real* __restrict__ y, unsigned int key, unsigned int threshold,
                                   Real scale, Index total) {
  FOR_EACH(k, total) y[k] = survives(k, key, threshold) ? x[k] * scale : (Real)0;
}

// p -= lr * (g + weight_decay * p)
extern "C" __global__ void sgd(Real* __restrict__ p, const Real* __restrict__ g, Real lr, Real weight_decay, Index total) {
  FOR_EACH(k, total) p[k] -= lr * (g[k] + weight_decay * p[k]);
}

// d = g + weight_decay * p;  v = momentum * v + (1 - dampening) * d, the first time v = d;
// p -= lr * (d + momentum * v  if nesterov else  v)
extern "C" __global__ void sgd_momentum(Real* __restrict__ p, const Real* __restrict__ g, Real* __restrict__ v, Real lr,
                                        Real weight_decay, Real momentum, Real undamped, bool nesterov, Index total) {
  FOR_EACH(k, total) {
    const Real d = g[k] + weight_decay * p[k];
    const Real velocity = momentum * v[k] + undamped * d;
    v[k] = velocity;
    p[k] -= lr * (nesterov ? d + momentum * velocity : velocity);
  }
}

// p *= shrink;  d = g + weight_decay * p;  m = beta1 * m + (1 - beta1) * d;  v = beta2 * v + (1 - beta2) * d^2;
// p -= rate * m / (sqrt(v) / root + eps),  with rate = lr / (1 - beta1^t) and root = sqrt(1 - beta2^t) from the host, which
// also passes 1 - beta1 and 1 - beta2: in float32, 1 - 0.999 would lose four digits.
extern "C" __global__ void adam(Real* __restrict__ p, const Real* __restrict__ g, Real* __restrict__ m, Real* __restrict__ v,
                                Real rate, Real root, Real beta1, Real rest1, Real beta2, Real rest2, Real eps,
                                Real weight_decay, Real shrink, Index total) {
  FOR_EACH(k, total) {
    const Real old = p[k] * shrink, d = g[k] + weight_decay * old;
    const Real mean = beta1 * m[k] + rest1 * d, square = beta2 * v[k] + rest2 * (d * d);
    m[k] = mean;
    v[k] = square;
    p[k] = old - rate * (mean / (sqrt(square) / root + eps));
  }
}
