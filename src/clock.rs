//! The clock and the random source: nothing else may ask the machine for time or chance.
