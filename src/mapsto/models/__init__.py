"""Models, one readable file each. To add one: write the file, add its line."""

from mapsto.core.names import shelf

__getattr__, __dir__, __all__, __shelf__ = shelf(
    __name__,
    DecisionTree="decision_tree",
    GradientBoosting="gradient_boosting",
    KNearest="k_nearest",
    Linear="linear",
    LogisticRegression="logistic_regression",
    MLP="mlp",
    Ridge="ridge",
    SVM="svm",
)
