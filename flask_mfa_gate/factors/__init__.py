"""Each factor and each way back in: how it begins, is confirmed, is verified and is described."""
