//! Every setting: flags, environment and `.env`, in one struct.
