"""The memory tasks of Neural Turing Machines (Graves et al. 2014) as Gymnasium environments."""
