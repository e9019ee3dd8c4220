"""What learning by reward adds to training: playing, credit and its gradients."""
