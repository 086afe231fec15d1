"""Models, one readable file each. To add one: write the file, add its line."""

from mapsto.core.names import shelf

__getattr__, __dir__, __all__, __shelf__ = shelf(
    __name__,
    Prior="prior",
    Linear="linear",
    MLP="mlp",
    ConvNet="convnet",
    LeNet="lenet",
    AlexNet="alexnet",
    VGG="vgg",
    ResNet="resnet",
    BagOfEmbeddings="bag_of_embeddings",
    TextCNN="text_cnn",
    Seq2Seq="seq2seq",
    Transformer="transformer",
    GPT="gpt",
    Recurrent="recurrent",
    BERT="bert",
    LogisticRegression="logistic_regression",
    Ridge="ridge",
    DecisionTree="decision_tree",
    GradientBoosting="gradient_boosting",
    BagOfWords="bag_of_words",
    NGram="n_gram",
    UsualTag="usual_tag",
    NearestSentence="nearest_sentence",
    KNearest="k_nearest",
    SVM="svm",
)
