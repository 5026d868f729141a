"""RUN: pruned networks packed so that they really take less time and memory, in the order in which it is best read.

    fold      compaction               what masks leave dead goes, exactly; and training goes on in the smaller network
    pack      matrix → dense · csr · ell · panels      a matrix of which much is gone: what is held, how to multiply it
    lay out   layouts                  samples as rows, or features as rows with the bias as one more input
    offer     kernels                  a format and a layout: what may pay for a layer
    race      tuning → route           what takes how long here, and the cheapest way through all layers
    run       step → program           one layer, then all, with every buffer bound beforehand
    compile   compilation → reasons    all of this, and why, in words

A sparse product that gains nothing is not used: `compile` measures, and stays dense where dense is faster.
"""
