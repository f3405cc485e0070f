# says: block_forgotten
def source():
    return """
    extern "C" __global__ void average_pool(const double* x, double* y, int H, int W, int C, int k, int s, int OH, int OW) {
        for (int n = threadIdx.x; n < OH * OW * C; n += gridDim.x * blockDim.x) {
            int c = n % C, j = n / C % OW, i = n / C / OW;
            double mean = 0;
            for (int t = 0; t < k * k; t++) mean += x[((i * s + t / k) * W + j * s + t % k) * C + c];
            y[n] = mean / (k * k);
        }
    }
    """
