"""What to train and how, as data: settings of cells and of both ways of learning, and checks."""
