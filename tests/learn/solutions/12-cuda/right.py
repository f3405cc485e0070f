def source():
    return r"""
    extern "C" __global__ void average_pool(const double* x, double* y, int H, int W, int C, int kernel_size, int stride,
                                            int OH, int OW) {
        const int threads = gridDim.x * blockDim.x;
        for (int k = blockIdx.x * blockDim.x + threadIdx.x; k < OH * OW * C; k += threads) {
            const int c = k % C, j = k / C % OW, i = k / C / OW;
            double sum = 0;
            for (int r = 0; r < kernel_size; ++r)
                for (int q = 0; q < kernel_size; ++q) sum += x[((i * stride + r) * W + j * stride + q) * C + c];
            y[k] = sum / (kernel_size * kernel_size);
        }
    }
    """
