use crate::wait::start;
use prodrome_emulator::{Client, DeployError, Deployment, Template};
use serde_json::json;

const SMALL: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Seconds: { Type: Number, Default: 30 }
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: { VisibilityTimeout: !Ref Seconds }
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
  Tick:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: rate(1 minute)
      FlexibleTimeWindow: { Mode: "OFF" }
      Target: { Arn: !GetAtt Queue.Arn, RoleArn: !Sub "arn:aws:iam::${AWS::AccountId}:role/tick" }
Outputs:
  QueueUrl: { Value: !Ref Queue }
  TableName: { Value: !Ref Table }
"#;

#[test]
fn a_stack_comes_up_with_its_parameters_and_outputs() {
    let emulator = start();
    let template = Template::parse(SMALL).unwrap();
    let stack = emulator.deploy(&Deployment::new("small", &template).parameter("Seconds", "77")).unwrap();

    let url = stack.output("QueueUrl").unwrap();
    assert!(url.starts_with(emulator.endpoint()), "{url}");
    let client = Client::new(emulator.endpoint());
    let attributes = client
        .json("sqs", "AmazonSQS.GetQueueAttributes", &json!({"QueueUrl": url, "AttributeNames": ["All"]}))
        .unwrap();
    assert_eq!(attributes["Attributes"]["VisibilityTimeout"], "77");
    assert_eq!(client.queue_depth(url).unwrap().total(), 0);
    client.send(url, "hello").unwrap();
    assert_eq!(client.queue_depth(url).unwrap().visible, 1);
    assert_eq!(client.peek(url).unwrap()[0].body, "hello");

    let table = json!({"TableName": stack.output("TableName").unwrap()});
    let described = client.json("dynamodb", "DynamoDB_20120810.DescribeTable", &table).unwrap();
    assert_eq!(described["Table"]["TableStatus"], "ACTIVE");
    let missing = stack.output("QueueName").unwrap_err().to_string();
    assert!(missing.contains("QueueName") && missing.contains("QueueUrl, TableName"), "{missing}");
}

#[test]
fn a_stack_that_fails_tells_which_resource_and_why() {
    let emulator = start();
    let template = Template::parse(
        "Resources: {Secret: {Type: AWS::SSM::Parameter, Properties: {Type: SecureString, Value: x}}}",
    )
    .unwrap();
    let error = emulator.deploy(&Deployment::new("bad", &template)).unwrap_err();
    let DeployError::Failed { reasons, .. } = &error else { panic!("{error:?}") };
    assert!(reasons.iter().any(|reason| reason.starts_with("Secret (AWS::SSM::Parameter): ")), "{error}");
}

#[test]
fn functions_without_code_are_refused_before_anything_is_made() {
    let emulator = start();
    let template =
        Template::parse("Resources: {F: {Type: AWS::Serverless::Function, Properties: {}}}").unwrap();
    let error = emulator.deploy(&Deployment::new("none", &template)).unwrap_err();
    assert!(matches!(error, DeployError::NoCode), "{error}");
}
