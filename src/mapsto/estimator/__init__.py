"""scikit-learn's protocol as a face: `mapsto.Classifier` and `mapsto.Regressor`; all they do is done by Frame and Learner."""
